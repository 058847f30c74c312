/**
 * All runs of a memory store, and the indexes over them.
 *
 * T1. A row is changed only between `change` and its return: the indexes (due, owned, held) are then made to agree with it.
 * T2. Rows are never removed.
 */
import { isEnded } from "../../model/run.ts";
import type { CreateAnswer, NewRun } from "../../store.ts";
import { ReadySet } from "./ready-set.ts";
import { createRow, type RunRow } from "./run-row.ts";

export class RunTable {
  /** By id. */
  readonly rows = new Map<string, RunRow>();
  readonly ready = new ReadySet();
  readonly held = new Set<RunRow>();
  /** By creation and then id, oldest first. */
  readonly byCreation: RunRow[] = [];
  readonly #idsByKey = new Map<string, string>();
  readonly #ownedByWorker = new Map<string, Set<RunRow>>();

  /** Writes one new run, unless its key or its id is there. */
  create(run: NewRun, now: number): CreateAnswer {
    const idOfKey = run.idempotencyKey === null ? undefined : this.#idsByKey.get(keyOf(run));
    const existing = this.rows.get(idOfKey ?? run.id);
    if (existing) {
      const { id, workflow, inputHash } = existing.record;
      return { status: "exists", by: idOfKey === undefined ? "id" : "key", id, workflow, inputHash, now };
    }
    if (run.replaces !== null) {
      const replaced = this.rows.get(run.replaces);
      if (!replaced || !isEnded(replaced.record.status) || replaced.record.successorId !== null) {
        return { status: "conflict", id: run.id, now };
      }
      this.change(replaced, now, (record) => (record.successorId = run.id));
    }
    const row = createRow(run, now);
    this.rows.set(run.id, row);
    if (run.idempotencyKey !== null) this.#idsByKey.set(keyOf(run), run.id);
    this.#insertByCreation(row);
    this.ready.set(row.record, row.record.wakeAt!);
    return { status: "created", id: run.id, now };
  }

  /** The only way in which a row changes. */
  change(row: RunRow, now: number, apply: (record: RunRow["record"]) => void): void {
    const { record } = row;
    const owner = record.workerId;
    apply(record);
    record.updatedAt = now;
    if (owner !== record.workerId) {
      if (owner !== null) this.#ownedByWorker.get(owner)?.delete(row);
      if (record.workerId !== null) this.#ownedSet(record.workerId).add(row);
    }
    if (record.held) this.held.add(row);
    else this.held.delete(row);
    if (record.workerId === null && record.wakeAt !== null) this.ready.set(record, record.wakeAt);
    else this.ready.delete(record.id);
  }

  /** Takes a run from its owner and makes it due (S7). */
  free(row: RunRow, now: number, options: { countsCrash: boolean }): void {
    this.change(row, now, (record) => {
      record.workerId = null;
      record.wakeAt = Math.min(record.createdAt, now);
      record.status = record.nextSeq === 2 ? "pending" : "suspended";
      if (!options.countsCrash) record.crashCount = Math.max(0, record.crashCount - 1);
    });
  }

  /** What a worker owns, by id. */
  ownedBy(workerId: string): RunRow[] {
    return [...(this.#ownedByWorker.get(workerId) ?? [])].sort((left, right) =>
      left.record.id < right.record.id ? -1 : 1,
    );
  }

  ownedCount(workerId: string): number {
    return this.#ownedByWorker.get(workerId)?.size ?? 0;
  }

  /** Drops what is kept for a worker that owns nothing. */
  forgetOwner(workerId: string): void {
    this.#ownedByWorker.delete(workerId);
  }

  #ownedSet(workerId: string): Set<RunRow> {
    let owned = this.#ownedByWorker.get(workerId);
    if (!owned) this.#ownedByWorker.set(workerId, (owned = new Set()));
    return owned;
  }

  /** New runs belong at the end, or near it when they share their millisecond or the clock was stepped back. */
  #insertByCreation(row: RunRow): void {
    let index = this.byCreation.length;
    while (index > 0 && isCreatedBefore(row, this.byCreation[index - 1]!)) index--;
    this.byCreation.splice(index, 0, row);
  }
}

function isCreatedBefore(left: RunRow, right: RunRow): boolean {
  if (left.record.createdAt !== right.record.createdAt) return left.record.createdAt < right.record.createdAt;
  return left.record.id < right.record.id;
}

/** Keys are unique among the runs of one workflow. */
function keyOf({ workflow, idempotencyKey }: NewRun): string {
  return JSON.stringify([workflow, idempotencyKey]);
}
