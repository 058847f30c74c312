/** A new run as every store begins it: its row, its first event, its time. */
import type { StoredEvent } from "../model/event.ts";
import type { RunRecord } from "../model/run.ts";
import type { NewRun } from "../store.ts";

export function createRecord(run: NewRun, now: number): RunRecord {
  const wakeAt = dueTime(run, now);
  return {
    id: run.id,
    kind: run.kind,
    queue: run.queue,
    workflow: run.workflow,
    version: run.version,
    status: "pending",
    priority: run.priority,
    claim: null,
    workerId: null,
    wakeAt,
    held: false,
    waitingFor: null,
    nextSeq: 2,
    commitNumber: 0,
    inboxSeq: 0,
    crashCount: 0,
    createdAt: now,
    updatedAt: now,
    deadlineAt: deadlineTime(run, wakeAt),
    idempotencyKey: run.idempotencyKey,
    inputHash: run.inputHash,
    attempt: run.attempt,
    predecessorId: run.predecessorId,
    successorId: null,
    attributes: { ...run.attributes },
  };
}

export function createFirstEvent(run: NewRun, now: number): StoredEvent {
  const { body, payload } = run.created;
  return { seq: 1, type: "run.created", at: now, op: null, name: run.workflow, body, payload };
}

/** When the run begins. */
export function dueTime(run: NewRun, now: number): number {
  return run.startAt ?? now + (run.startAfterMs ?? 0);
}

/** Counted from when it begins, unless it is a date. */
function deadlineTime(run: NewRun, wakeAt: number): number | null {
  return run.deadlineAt ?? (run.deadlineAfterMs === null ? null : wakeAt + run.deadlineAfterMs);
}
