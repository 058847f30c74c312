/**
 * Frees the runs of workers that died.
 *
 * W1. It frees nobody before its own worker has renewed for one whole lease: after an outage of the store every lease looks expired,
 *     and the living come first.
 * W2. It frees in chunks, until nothing is left; another sweeper can go on where one stopped.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Store } from "../store.ts";
import type { Lease } from "./lease.ts";

const chunk = 500;

export interface SweeperOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  lease: Lease;
  intervalMs: number;
  /** Runs were freed: there is work. */
  onFreed: () => void;
}

export class Sweeper {
  readonly #options: SweeperOptions;
  #isStopped = false;
  #disarm: (() => void) | null = null;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  begin(): void {
    if (this.#isStopped) return;
    this.#disarm = this.#options.clock.after(this.#options.intervalMs, () => void this.#sweep());
  }

  stop(): void {
    this.#isStopped = true;
    this.#disarm?.();
  }

  async #sweep(): Promise<void> {
    const { store, lease, logger, onFreed } = this.#options;
    try {
      for (let more = true; more && lease.isSettled && !this.#isStopped;) {
        const swept = await store.expire(chunk);
        more = swept.more;
        if (swept.freed > 0) {
          logger.warn({ workers: swept.workers, runs: swept.freed }, "runs of a dead worker were freed");
          onFreed();
        }
      }
    } catch (error) {
      logger.warn({ error }, "a sweep failed and is tried again");
    }
    this.begin();
  }
}
