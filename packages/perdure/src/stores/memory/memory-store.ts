/**
 * A store that lives in this process: the default of a trial, and the oracle of the simulator.
 *
 * M1. A method does all its work before it yields. That makes it atomic, and the order of calls the order of effects.
 * M2. Nothing is shared with a caller: what enters and what leaves is copied.
 * M3. The clock is the one that it was given, rounded down; when it is stepped back, runs and leases wait longer.
 *
 * Several workers share one store object: there is no second one over the same data.
 */
import { systemClock, type Clock } from "../../clock.ts";
import { PerdureError } from "../../errors.ts";
import type { NewMessage } from "../../model/message.ts";
import { isEnded, type Lane } from "../../model/run.ts";
import type {
  Adoption,
  ClaimAnswer,
  ClaimRequest,
  ClaimedRun,
  CreateAnswer,
  DeliverAnswer,
  NewRun,
  NewWorker,
  OwnedClaim,
  RenewAnswer,
  RenewRequest,
  RunFilter,
  RunQuery,
  RunWrite,
  Store,
} from "../../store.ts";
import { laneKey } from "./ready-set.ts";
import { countRuns, listRuns } from "./run-list.ts";
import { claimedRunOf, copyEvents, isCurrentClaim, snapshotOf } from "./run-row.ts";
import { RunTable } from "./run-table.ts";
import { applyWrite } from "./run-write.ts";
import { WorkerTable } from "./worker-table.ts";

/** An empty store. It is gone with the process. */
export function createMemoryStore(options: { clock?: Clock } = {}): Store {
  return new MemoryStore(options.clock ?? systemClock);
}

class MemoryStore implements Store {
  readonly description = "memory:";
  readonly #clock: Clock;
  readonly #runs = new RunTable();
  readonly #workers = new WorkerTable();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async open() {
    this.#now();
  }

  async close() {
    this.#isClosed = true;
  }

  async create(runs: readonly NewRun[], adoption?: Adoption) {
    const now = this.#now();
    const lanes = new Set(adoption?.lanes.map(laneKey));
    let places = adoption && this.#workers.isLive(adoption.workerId, now) ? adoption.limit : 0;
    return runs.map((run, index): CreateAnswer => {
      const answer = this.#runs.create(run, now);
      if (answer.status !== "created" || places === 0 || !lanes.has(laneKey(run))) return answer;
      if (this.#runs.rows.get(run.id)!.record.wakeAt! > now) return answer;
      places--;
      const { workerId, claim } = adoption!;
      return {
        ...answer,
        claimed: this.#claimOne(run.id, `${claim}.${index}`, { workerId, hot: new Map() }, now),
      };
    });
  }

  async deliver(messages: readonly NewMessage[]) {
    const now = this.#now();
    return messages.map((message) => this.#deliverOne(message, now));
  }

  #deliverOne(message: NewMessage, now: number): DeliverAnswer {
    const row = this.#runs.rows.get(message.runId);
    if (!row) return "missing";
    if (row.messageIds.has(message.id)) return "repeated";
    if (isEnded(row.record.status)) return "ended";
    const { id, kind, name, payload } = message;
    row.messageIds.add(id);
    row.unread.set(id, { id, kind, name, payload, seq: row.record.inboxSeq + 1, at: now });
    this.#runs.change(row, now, (record) => {
      record.inboxSeq += 1;
      const isWaiting = record.workerId === null && !record.held && record.status !== "pending";
      if (isWaiting) record.wakeAt = Math.min(record.wakeAt ?? now, now);
    });
    return "delivered";
  }

  async register(worker: NewWorker) {
    const now = this.#now();
    this.#workers.register(worker, now);
    return { now };
  }

  async renew(request: RenewRequest): Promise<RenewAnswer> {
    const now = this.#now();
    const leaseUntil = this.#workers.extend(request.workerId, now, request.lanes);
    if (leaseUntil === undefined) return { live: false, now };
    const readInboxSeqs = new Map(request.claims.map((held) => [claimKey(held), held.readInboxSeq]));
    const strange: OwnedClaim[] = [];
    const unread: string[] = [];
    for (const { record } of this.#runs.ownedBy(request.workerId)) {
      const owned = { runId: record.id, claim: record.claim! };
      const readInboxSeq = readInboxSeqs.get(claimKey(owned));
      if (readInboxSeq === undefined) strange.push(owned);
      else if (readInboxSeq < record.inboxSeq) unread.push(record.id);
    }
    return { live: true, now, leaseUntil, strange, unread };
  }

  async unregister(workerId: string) {
    const now = this.#now();
    for (const row of this.#runs.ownedBy(workerId)) this.#runs.free(row, now, { countsCrash: false });
    this.#forget(workerId);
  }

  async claim(request: ClaimRequest): Promise<ClaimAnswer> {
    const now = this.#now();
    const { workerId, lanes, limit } = request;
    if (!this.#workers.isLive(workerId, now)) return { live: false, now, runs: [], nextDueAt: null };
    const runs = this.#runs.ready
      .take(lanes, limit, now)
      .map((id, index) => this.#claimOne(id, `${request.claim}.${index}`, request, now));
    return {
      live: true,
      now,
      runs,
      nextDueAt: runs.length < limit ? this.#runs.ready.nextDueAt(lanes) : null,
    };
  }

  #claimOne(
    id: string,
    claim: string,
    { workerId, hot }: Pick<ClaimRequest, "workerId" | "hot">,
    now: number,
  ): ClaimedRun {
    const row = this.#runs.rows.get(id)!;
    const previousClaim = row.record.claim;
    this.#runs.change(row, now, (record) => {
      record.status = "running";
      record.workerId = workerId;
      record.claim = claim;
      record.wakeAt = null;
      record.held = false;
      record.waitingFor = null;
      record.commitNumber = 0;
      record.crashCount += 1;
    });
    const kept = hot.get(id);
    const lastSeq = row.record.nextSeq - 1;
    const isHot = kept !== undefined && kept.claim === previousClaim && kept.seq === lastSeq;
    return claimedRunOf(row, { previousClaim, hot: isHot, afterSeq: isHot ? lastSeq : 0, now });
  }

  async load({ runId, claim, afterSeq }: { runId: string; claim: string; afterSeq: number }) {
    const now = this.#now();
    const row = this.#runs.rows.get(runId);
    if (!isCurrentClaim(row, claim)) return undefined;
    return claimedRunOf(row, { previousClaim: null, hot: afterSeq > 0, afterSeq, now });
  }

  async release(claims: readonly OwnedClaim[]) {
    const now = this.#now();
    for (const { runId, claim } of claims) {
      const row = this.#runs.rows.get(runId);
      if (isCurrentClaim(row, claim)) this.#runs.free(row, now, { countsCrash: false });
    }
  }

  async commit(writes: readonly RunWrite[]) {
    const now = this.#now();
    return { now, answers: writes.map((write) => applyWrite(this.#runs, write, now)) };
  }

  async expire(limit: number) {
    const now = this.#now();
    const workers = this.#workers.markDead(now);
    let freed = 0;
    for (const workerId of workers) {
      for (const row of this.#runs.ownedBy(workerId).slice(0, limit - freed)) {
        this.#runs.free(row, now, { countsCrash: true });
        freed++;
      }
      if (this.#runs.ownedCount(workerId) === 0) this.#forget(workerId);
    }
    return { now, workers, freed, more: workers.some((id) => this.#runs.ownedCount(id) > 0) };
  }

  #forget(workerId: string): void {
    this.#workers.forget(workerId);
    this.#runs.forgetOwner(workerId);
  }

  async unhold(lanes: readonly Lane[]) {
    const now = this.#now();
    const keys = new Set(lanes.map(laneKey));
    const rows = [...this.#runs.held].filter(({ record }) => keys.has(laneKey(record)));
    for (const row of rows) {
      this.#runs.change(row, now, (record) => {
        record.held = false;
        record.wakeAt = Math.min(record.wakeAt ?? now, now);
      });
    }
    return rows.length;
  }

  async run(id: string) {
    const now = this.#now();
    const row = this.#runs.rows.get(id);
    return row && snapshotOf(row, now);
  }

  async snapshots(ids: readonly string[]) {
    const now = this.#now();
    return [...new Set(ids)].flatMap((id) => {
      const row = this.#runs.rows.get(id);
      return row ? [snapshotOf(row, now)] : [];
    });
  }

  async runs(query: RunQuery) {
    this.#now();
    return listRuns(this.#runs.byCreation, query);
  }

  async count(filter: RunFilter) {
    this.#now();
    return countRuns(this.#runs.byCreation, filter);
  }

  async history({ runId, afterSeq, limit }: { runId: string; afterSeq: number; limit: number }) {
    this.#now();
    const row = this.#runs.rows.get(runId);
    return row ? copyEvents(row, afterSeq, limit) : [];
  }

  async workers() {
    return this.#workers.list(this.#now(), (id) => this.#runs.ownedCount(id));
  }

  async health() {
    return { now: this.#now(), durability: "none" as const, schemaVersion: 1 };
  }

  /** Every method asks for the time first, so that none works on a closed store. */
  #now(): number {
    if (this.#isClosed) {
      throw new PerdureError(
        "ALREADY_CLOSED",
        `The store "${this.description}" was closed. Open a new one, or close it only when its clients and workers have ended.`,
      );
    }
    return Math.floor(this.#clock.now());
  }
}

function claimKey(owned: OwnedClaim): string {
  return JSON.stringify([owned.runId, owned.claim]);
}
