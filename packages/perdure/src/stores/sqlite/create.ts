/**
 * New runs.
 *
 * K1. A run whose key or id is there already is not written; the key decides before the id.
 * K2. Runs are written in order, so that a later one of a call can find an earlier one's key.
 */
import type { Lane } from "../../model/run.ts";
import type { Adoption, CreateAnswer, NewRun } from "../../store.ts";
import { createFirstEvent, createRecord, dueTime } from "../new-record.ts";
import type { Connection } from "./connection.ts";
import { EventBatch } from "./events.ts";
import type { RunNumbers } from "./run-numbers.ts";
import { endedStatuses } from "./run-row.ts";
import { isLive } from "./workers.ts";

/** Nothing is written when the key or the id is there; which of them, and whose it is, is asked only then. */
const insertRun = `
  INSERT INTO runs (
    id, kind, queue, workflow, version, status, priority, wake_at, next_seq, created_at, updated_at, deadline_at,
    idempotency_key, input_hash, attempt, predecessor_id, attributes, worker_id, claim, crash_count
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 2, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING`;

/** Creates runs in order; those that the adoption takes are its worker's from the beginning. */
export function createRuns(
  db: Connection,
  now: number,
  runs: readonly NewRun[],
  adoption: Adoption | undefined,
  numbers: RunNumbers,
): CreateAnswer[] {
  const events = new EventBatch();
  const lanes = new Set(adoption?.lanes.map(laneKey));
  let places = adoption && isLive(db, now, adoption.workerId) ? adoption.limit : 0;
  const answers = runs.map((run, index) => {
    const isAdopted = places > 0 && dueTime(run, now) <= now && lanes.has(laneKey(run));
    if (!isAdopted) return createRun(db, now, run, events);
    const owner = { workerId: adoption!.workerId, claim: `${adoption!.claim}.${index}` };
    const answer = createRun(db, now, run, events, owner, numbers);
    if (answer.status === "created") places--;
    return answer;
  });
  events.flush(db);
  return answers;
}

export function createRun(
  db: Connection,
  now: number,
  run: NewRun,
  events: EventBatch,
  owner?: { workerId: string; claim: string },
  numbers?: RunNumbers,
): CreateAnswer {
  if (run.replaces !== null) {
    const existing = findExisting(db, now, run);
    if (existing) return existing;
    if (!isReplaceable(db, run.replaces)) return { status: "conflict", id: run.id, now };
  }
  const record = createRecord(run, now);
  if (owner) Object.assign(record, owner, { status: "running", wakeAt: null, crashCount: 1 });
  const attributes = Object.entries(run.attributes);
  const { changes, lastInsertRowid } = db.run(
    insertRun,
    run.id,
    run.kind,
    run.queue,
    run.workflow,
    run.version,
    record.status,
    run.priority,
    record.wakeAt,
    now,
    now,
    record.deadlineAt,
    run.idempotencyKey,
    run.inputHash,
    run.attempt,
    run.predecessorId,
    attributes.length === 0 ? null : JSON.stringify(run.attributes),
    record.workerId,
    record.claim,
    record.crashCount,
  );
  if (changes === 0) return findExisting(db, now, run)!;
  for (const [name, value] of attributes) {
    db.run(
      "INSERT INTO attributes (name, value, run) VALUES (?, ?, ?)",
      name,
      JSON.stringify(value),
      lastInsertRowid,
    );
  }
  if (run.replaces !== null)
    db.run("UPDATE runs SET successor_id = ?, updated_at = ? WHERE id = ?", run.id, now, run.replaces);
  const created = createFirstEvent(run, now);
  events.add(lastInsertRowid, created);
  if (!owner) return { status: "created", id: run.id, now };
  numbers?.remember(run.id, lastInsertRowid);
  const claimed = { run: record, previousClaim: null, hot: false, events: [created], messages: [], now };
  return { status: "created", id: run.id, now, claimed };
}

function laneKey({ queue, workflow, version }: Lane): string {
  return JSON.stringify([queue, workflow, version]);
}

type ExistingRow = [id: string, workflow: string, inputHash: string | null];

function findExisting(db: Connection, now: number, run: NewRun): CreateAnswer | undefined {
  const byKey =
    run.idempotencyKey === null
      ? undefined
      : db.row<ExistingRow>(
          "SELECT id, workflow, input_hash FROM runs WHERE idempotency_key = ? AND workflow = ?",
          run.idempotencyKey,
          run.workflow,
        );
  const found =
    byKey ?? db.row<ExistingRow>("SELECT id, workflow, input_hash FROM runs WHERE id = ?", run.id);
  if (!found) return undefined;
  const [id, workflow, inputHash] = found;
  return { status: "exists", by: byKey ? "key" : "id", id, workflow, inputHash, now };
}

function isReplaceable(db: Connection, id: string): boolean {
  const sql = `SELECT 1 FROM runs WHERE id = ? AND status IN ${endedStatuses} AND successor_id IS NULL`;
  return db.row(sql, id) !== undefined;
}
