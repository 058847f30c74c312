/**
 * One run as the memory store holds it: its record, history and inbox.
 *
 * R1. `record` is the store's own. What leaves the store is a copy, and what enters it is copied, so that no caller shares it.
 * R2. Stored events and messages are never changed after they were written, and are copied on their way out.
 */
import type { StoredEvent } from "../../model/event.ts";
import type { StoredMessage } from "../../model/message.ts";
import { isEnded, type RunRecord } from "../../model/run.ts";
import type { ClaimedRun, NewRun, RunSnapshot } from "../../store.ts";
import { createFirstEvent, createRecord } from "../new-record.ts";

export interface RunRow {
  record: RunRecord;
  events: StoredEvent[];
  /** Ids of all messages ever delivered: they stay known when their message was consumed. */
  messageIds: Set<string>;
  /** Messages not consumed, by id, in the order of delivery. */
  unread: Map<string, StoredMessage>;
}

export function createRow(run: NewRun, now: number): RunRow {
  return {
    record: createRecord(run, now),
    events: [createFirstEvent(run, now)],
    messageIds: new Set(),
    unread: new Map(),
  };
}

export function copyRecord({ record }: RunRow): RunRecord {
  return {
    ...record,
    waitingFor: record.waitingFor && { ...record.waitingFor },
    attributes: { ...record.attributes },
  };
}

export function copyEvents(row: RunRow, afterSeq: number, limit = Infinity): StoredEvent[] {
  // Numbers have no gap, so that a seq is a place in the list.
  const from = Math.max(afterSeq, 0);
  return row.events.slice(from, from + limit).map((event) => ({ ...event }));
}

export function snapshotOf(row: RunRow, now: number): RunSnapshot {
  const payload = isEnded(row.record.status) ? row.events.at(-1)!.payload : null;
  return { run: copyRecord(row), payload, now };
}

export function claimedRunOf(
  row: RunRow,
  read: { previousClaim: string | null; hot: boolean; afterSeq: number; now: number },
): ClaimedRun {
  return {
    run: copyRecord(row),
    previousClaim: read.previousClaim,
    hot: read.hot,
    events: copyEvents(row, read.afterSeq),
    messages: [...row.unread.values()].map((message) => ({ ...message })),
    now: read.now,
  };
}

/** Whether this claim is the one under which the run is owned now. */
export function isCurrentClaim(row: RunRow | undefined, claim: string): row is RunRow {
  return row !== undefined && row.record.workerId !== null && row.record.claim === claim;
}
