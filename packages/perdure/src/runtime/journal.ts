/**
 * Gathers what executions want to commit and writes it as one transaction (group commit).
 *
 * J1. A write is settled only after the store answered for it, or with `LeaseLost` when the worker's lease ended first.
 * J2. One transaction is under way at a time; what comes meanwhile makes up the next one. Alone, a write goes at once.
 * J3. A batch that the store could not take is tried again, as it is, until the lease ends: the store recognizes a write that it
 *     has, by its claim and number.
 */
import type { Clock } from "../clock.ts";
import type { Entropy } from "../entropy.ts";
import { PerdureError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { retryDelayMs, type RetryPolicy } from "../model/retry.ts";
import type { RunWrite, Store, WriteAnswer } from "../store.ts";
import { Batch } from "./batch.ts";
import type { StoreTime } from "./store-time.ts";

/** The worker's lease ended before the store answered: whoever asked drops its run. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

interface JournalPorts {
  store: Store;
  storeTime: StoreTime;
  clock: Clock;
  entropy: Entropy;
  logger: Logger;
  /** Whether the worker may still write. */
  isLive: () => boolean;
}

/** Writes in one transaction at the most: a longer one would hold up every other process. */
const maxBatch = 1_000;

/** Between tries at a store that is in trouble. */
export const storeBackoff: RetryPolicy = {
  maxAttempts: Infinity,
  backoff: "exponential",
  initialDelayMs: 20,
  factor: 2,
  maxDelayMs: 1_000,
  jitter: 0.5,
};

export class Journal {
  readonly #ports: JournalPorts;
  readonly #batch: Batch<RunWrite, WriteAnswer>;

  constructor(ports: JournalPorts) {
    this.#ports = ports;
    this.#batch = new Batch(ports.clock, maxBatch, (writes) => this.#write(writes));
  }

  /** Calls one of the two, once; `fail` with `LeaseLost` when the worker's lease ended first. */
  submit(write: RunWrite, settle: (answer: WriteAnswer) => void, fail: (error: unknown) => void): void {
    this.#batch.submit(write, settle, fail);
  }

  async #write(writes: RunWrite[]): Promise<WriteAnswer[]> {
    const { store, storeTime, clock, entropy, logger, isLive } = this.#ports;
    for (let attempt = 1; isLive(); attempt++) {
      try {
        const { now, answers } = await store.commit(writes);
        storeTime.learn(now);
        // An answer that came after the lease: others may have the runs by now, so nothing may begin on its strength.
        if (!isLive()) break;
        return answers;
      } catch (error) {
        if (error instanceof PerdureError && error.code === "ALREADY_CLOSED") break;
        if (attempt === 1) logger.warn({ error, runs: writes.length }, "a commit failed and is tried again");
        const delayMs = retryDelayMs(storeBackoff, attempt, entropy.fraction());
        await new Promise<void>((resolve) => clock.after(delayMs, resolve, { keepAlive: true }));
      }
    }
    throw new LeaseLost("The worker's lease ended before the store answered.");
  }
}
