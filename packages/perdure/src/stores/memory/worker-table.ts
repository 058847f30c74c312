/**
 * The workers of a memory store and their leases.
 *
 * L1. A lease is over when `leaseUntil` is not after now, and it is dead for good when the sweep has marked it so.
 * L2. Nothing but `renew` extends a lease.
 */
import type { NewWorker, WorkerRecord } from "../../store.ts";

interface WorkerRow extends NewWorker {
  startedAt: number;
  leaseUntil: number;
  isDead: boolean;
}

export class WorkerTable {
  readonly #rows = new Map<string, WorkerRow>();

  register(worker: NewWorker, now: number): void {
    if (this.#rows.has(worker.id)) return;
    const { id, leaseMs, host, pid, version, concurrency } = worker;
    this.#rows.set(id, {
      id,
      leaseMs,
      host,
      pid,
      version,
      concurrency,
      lanes: copyLanes(worker),
      startedAt: now,
      leaseUntil: now + leaseMs,
      isDead: false,
    });
  }

  isLive(id: string, now: number): boolean {
    const row = this.#rows.get(id);
    return row !== undefined && !row.isDead && row.leaseUntil > now;
  }

  /** The new end of the lease; undefined for a worker that is not live. `lanes` replace what it serves. */
  extend(id: string, now: number, lanes?: NewWorker["lanes"]): number | undefined {
    const row = this.#rows.get(id);
    if (!row || !this.isLive(id, now)) return undefined;
    if (lanes) row.lanes = copyLanes({ lanes });
    return (row.leaseUntil = now + row.leaseMs);
  }

  /** Marks those whose lease is over, and answers all that are dead, by id. */
  markDead(now: number): string[] {
    const dead: string[] = [];
    for (const row of this.#rows.values()) {
      if (row.leaseUntil <= now) row.isDead = true;
      if (row.isDead) dead.push(row.id);
    }
    return dead.sort();
  }

  forget(id: string): void {
    this.#rows.delete(id);
  }

  list(now: number, ownedCount: (id: string) => number): WorkerRecord[] {
    return [...this.#rows.values()].map(({ isDead, ...row }) => ({
      ...row,
      lanes: copyLanes(row),
      live: !isDead && row.leaseUntil > now,
      owned: ownedCount(row.id),
    }));
  }
}

function copyLanes({ lanes }: Pick<NewWorker, "lanes">): NewWorker["lanes"] {
  return lanes.map(({ queue, workflow, version }) => ({ queue, workflow, version }));
}
