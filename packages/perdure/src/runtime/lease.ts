/**
 * A worker's one lease: a row that it renews, whatever it holds.
 *
 * S1. The worker's own limit is counted from before the request was sent, on the monotonic clock and on the wall clock (the
 *     monotonic one stands still while the machine sleeps): it ends before the store's.
 * S2. Past that limit, or told so by the store, the lease is lost for good: the worker drops everything, and comes back as a
 *     new worker with a new id.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Lane } from "../model/run.ts";
import type { NewWorker, OwnedClaim, RenewRequest, Store } from "../store.ts";
import type { StoreTime } from "./store-time.ts";

export interface LeaseOptions {
  store: Store;
  storeTime: StoreTime;
  clock: Clock;
  logger: Logger;
  worker: NewWorker;
  /** What the worker holds or has asked for. */
  claims: () => RenewRequest["claims"];
  /** What the worker serves; another array than before when that has changed. */
  lanes: () => readonly Lane[];
  /** Called once, when the lease is lost. */
  onLost: () => void;
  /** Claims that the store has for this worker, and the worker does not know. */
  onStrange: (claims: OwnedClaim[]) => void;
  /** Runs of this worker that have messages to read. */
  onUnread: (runIds: string[]) => void;
}

export class Lease {
  readonly #options: LeaseOptions;
  #isLost = false;
  #isStopped = false;
  #liveSince = Infinity;
  #renewedAt = -Infinity;
  #renewedAtWall = -Infinity;
  #lanes: readonly Lane[];
  #disarm: (() => void) | null = null;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#lanes = options.worker.lanes;
  }

  /** @throws PerdureError of the store: nothing is registered then, or a row that expires by itself. */
  async begin(): Promise<void> {
    const sentAt = this.#mark();
    const { now } = await this.#options.store.register(this.#options.worker);
    this.#options.storeTime.learn(now);
    this.#noteRenewal(sentAt);
    this.#liveSince = sentAt.monotonic;
    this.#arm();
  }

  /** Whether this worker may still write and begin. Asking is also how an expiry is noticed. */
  get isLive(): boolean {
    if (this.#isLost) return false;
    const { clock, worker } = this.#options;
    const age = Math.max(clock.monotonic() - this.#renewedAt, clock.now() - this.#renewedAtWall);
    if (age < worker.leaseMs) return true;
    this.#lose("its lease ended before it could be renewed");
    return false;
  }

  /** Whether the worker has been renewing for a whole lease: before that it must free nobody. */
  get isSettled(): boolean {
    return this.isLive && this.#options.clock.monotonic() - this.#liveSince >= this.#options.worker.leaseMs;
  }

  stop(): void {
    this.#isStopped = true;
    this.#disarm?.();
  }

  #arm(): void {
    if (this.#isStopped || this.#isLost) return;
    const { clock, worker } = this.#options;
    this.#disarm = clock.after(worker.leaseMs * 0.3, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    if (!this.isLive || this.#isStopped) return;
    const { store, storeTime, worker, claims, logger } = this.#options;
    const sentAt = this.#mark();
    try {
      const lanes = this.#options.lanes();
      const hasNewLanes = lanes !== this.#lanes;
      const answer = await store.renew({
        workerId: worker.id,
        claims: claims(),
        ...(hasNewLanes && { lanes }),
      });
      this.#lanes = lanes;
      if (this.#isStopped || !this.isLive) return;
      storeTime.learn(answer.now);
      if (!answer.live) {
        this.#lose("the store has given its runs to others");
        return;
      }
      this.#noteRenewal(sentAt);
      if (answer.strange.length > 0) this.#options.onStrange(answer.strange);
      if (answer.unread.length > 0) this.#options.onUnread(answer.unread);
    } catch (error) {
      logger.warn({ workerId: worker.id, error }, "a lease could not be renewed and is tried again");
      // Sooner than the usual beat: what is left of the lease is all the time there is.
      this.#disarm = this.#options.clock.after(worker.leaseMs * 0.1, () => void this.#renew());
      return;
    }
    this.#arm();
  }

  #mark(): { monotonic: number; wall: number } {
    return { monotonic: this.#options.clock.monotonic(), wall: this.#options.clock.now() };
  }

  #noteRenewal(sentAt: { monotonic: number; wall: number }): void {
    this.#renewedAt = sentAt.monotonic;
    this.#renewedAtWall = sentAt.wall;
  }

  #lose(why: string): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#disarm?.();
    this.#options.logger.warn({ workerId: this.#options.worker.id }, `a worker drops its runs: ${why}`);
    this.#options.onLost();
  }
}
