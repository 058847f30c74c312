/** A row of `runs`, and the record that the port speaks of. */
import type { AttributeValue, RunKind, RunRecord, RunStatus } from "../../model/run.ts";
import type { Waiting } from "../../model/waiting.ts";

/** In the order of {@link RunRow}. */
export const runColumns = `
  runs.number, runs.id, runs.kind, runs.queue, runs.workflow, runs.version, runs.status, runs.priority, runs.claim,
  runs.worker_id, runs.wake_at, runs.held, runs.waiting_for, runs.next_seq, runs.commit_number, runs.inbox_seq,
  runs.crash_count, runs.created_at, runs.updated_at, runs.deadline_at, runs.idempotency_key, runs.input_hash,
  runs.attempt, runs.predecessor_id, runs.successor_id, runs.attributes`;

export type RunRow = [
  number: number,
  id: string,
  kind: RunKind,
  queue: string,
  workflow: string,
  version: string,
  status: RunStatus,
  priority: number,
  claim: string | null,
  workerId: string | null,
  wakeAt: number | null,
  held: number,
  waitingFor: string | null,
  nextSeq: number,
  commitNumber: number,
  inboxSeq: number,
  crashCount: number,
  createdAt: number,
  updatedAt: number,
  deadlineAt: number | null,
  idempotencyKey: string | null,
  inputHash: string | null,
  attempt: number,
  predecessorId: string | null,
  successorId: string | null,
  attributes: string | null,
];

export function runFromRow(row: RunRow): RunRecord {
  return {
    id: row[1],
    kind: row[2],
    queue: row[3],
    workflow: row[4],
    version: row[5],
    status: row[6],
    priority: row[7],
    claim: row[8],
    workerId: row[9],
    wakeAt: row[10],
    held: row[11] === 1,
    waitingFor: row[12] === null ? null : (JSON.parse(row[12]) as Waiting),
    nextSeq: row[13],
    commitNumber: row[14],
    inboxSeq: row[15],
    crashCount: row[16],
    createdAt: row[17],
    updatedAt: row[18],
    deadlineAt: row[19],
    idempotencyKey: row[20],
    inputHash: row[21],
    attempt: row[22],
    predecessorId: row[23],
    successorId: row[24],
    attributes: row[25] === null ? {} : (JSON.parse(row[25]) as Record<string, AttributeValue>),
  };
}

/** For SQL: the statuses that `isEnded` means. */
export const endedStatuses = `('completed', 'failed', 'cancelled', 'continued')`;
