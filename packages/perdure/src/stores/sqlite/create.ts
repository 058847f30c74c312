/**
 * New runs.
 *
 * K1. A run whose key or id is there already is not written; the key decides before the id.
 * K2. Runs are written in order, so that a later one of a call can find an earlier one's key.
 */
import type { CreateAnswer, NewRun } from "../../store.ts";
import type { Connection } from "./connection.ts";
import type { EventBatch } from "./events.ts";
import { endedStatuses } from "./run-row.ts";

/** Nothing is written when the key or the id is there; which of them, and whose it is, is asked only then. */
const insertRun = `
  INSERT INTO runs (
    id, kind, queue, workflow, version, status, priority, wake_at, next_seq, created_at, updated_at, deadline_at,
    idempotency_key, input_hash, attempt, predecessor_id, attributes
  ) VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, 2, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING`;

export function createRun(db: Connection, now: number, run: NewRun, events: EventBatch): CreateAnswer {
  if (run.replaces !== null) {
    const existing = findExisting(db, now, run);
    if (existing) return existing;
    if (!isReplaceable(db, run.replaces)) return { status: "conflict", id: run.id, now };
  }
  const wakeAt = run.startAt ?? now + (run.startAfterMs ?? 0);
  const deadlineAt = run.deadlineAt ?? (run.deadlineAfterMs === null ? null : wakeAt + run.deadlineAfterMs);
  const attributes = Object.entries(run.attributes);
  const { changes, lastInsertRowid } = db.run(
    insertRun,
    run.id,
    run.kind,
    run.queue,
    run.workflow,
    run.version,
    run.priority,
    wakeAt,
    now,
    now,
    deadlineAt,
    run.idempotencyKey,
    run.inputHash,
    run.attempt,
    run.predecessorId,
    attributes.length === 0 ? null : JSON.stringify(run.attributes),
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
  events.add(lastInsertRowid, {
    seq: 1,
    type: "run.created",
    at: now,
    op: null,
    name: run.workflow,
    body: run.created.body,
    payload: run.created.payload,
  });
  return { status: "created", id: run.id, now };
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
