/**
 * Waits for runs to end, wherever they run.
 *
 * V1. Ends that this process commits are told at once, without a read. All others are found by one poll for all waiters, whose
 *     interval grows while nothing happens; a hint makes it look at once.
 * V2. A waiter keeps the process alive; nothing else here does.
 */
import type { Clock } from "../clock.ts";
import { isEnded } from "../model/run.ts";
import type { RunSnapshot, Store } from "../store.ts";
import type { RunChanges, RunEnd } from "./run-changes.ts";

interface RunWatchOptions {
  /** Opened. */
  store: () => Promise<Store>;
  clock: Clock;
  changes: RunChanges;
  /** Whether a worker of this process has the run: its end is then told by `changes`. */
  isLiveHere: (runId: string) => boolean;
}

const firstPollMs = 20;
const longestPollMs = 500;
/** Runs looked at in one poll; more take turns. */
const maxPolled = 1_000;

export class RunWatch {
  readonly #options: RunWatchOptions;
  readonly #waiting = new Map<string, Set<(end: RunEnd) => void>>();
  #pollMs = firstPollMs;
  #disarm: (() => void) | null = null;
  #pollAt = Infinity;
  #isPolling = false;
  #nextId = 0;

  constructor(options: RunWatchOptions) {
    this.#options = options;
  }

  /**
   * Calls back once, when the run has ended. `isNew` spares the look for an end that cannot be there yet.
   * Returns what gives up.
   */
  onEnd(runId: string, isNew: boolean, callback: (end: RunEnd) => void): () => void {
    const callbacks = this.#waiting.get(runId) ?? new Set();
    this.#waiting.set(runId, callbacks);
    const stop = (): void => {
      unlisten();
      callbacks.delete(settle);
      if (callbacks.size === 0 && this.#waiting.get(runId) === callbacks) this.#waiting.delete(runId);
      if (this.#waiting.size === 0) this.#disarmPoll();
    };
    const settle = (end: RunEnd): void => {
      stop();
      callback(end);
    };
    const unlisten = this.#options.changes.listen(runId, (end) => end && settle(end));
    callbacks.add(settle);
    this.#pollIn(isNew ? firstPollMs : 0);
    return stop;
  }

  /** Somebody's write was heard of. */
  hint(): void {
    if (this.#waiting.size > 0) this.#pollIn(firstPollMs / 4);
  }

  #pollIn(delayMs: number): void {
    if (this.#isPolling) {
      this.#pollMs = firstPollMs;
      return;
    }
    this.#pollMs = firstPollMs;
    const at = this.#options.clock.monotonic() + delayMs;
    if (this.#disarm && this.#pollAt <= at) return;
    this.#arm(delayMs);
  }

  #arm(delayMs: number): void {
    this.#disarmPoll();
    this.#pollAt = this.#options.clock.monotonic() + delayMs;
    this.#disarm = this.#options.clock.after(delayMs, () => void this.#poll(), { keepAlive: true });
  }

  #disarmPoll(): void {
    this.#disarm?.();
    this.#disarm = null;
  }

  async #poll(): Promise<void> {
    this.#disarm = null;
    this.#isPolling = true;
    try {
      const store = await this.#options.store();
      for (const snapshot of await store.snapshots(this.#someIds())) this.#settle(snapshot);
    } catch {
      // A store that cannot be reached is asked again; the waiter has its own timeout.
    }
    this.#isPolling = false;
    if (this.#waiting.size === 0) return;
    this.#arm(this.#pollMs);
    this.#pollMs = Math.min(this.#pollMs * 2, longestPollMs);
  }

  #someIds(): string[] {
    const ids = [...this.#waiting.keys()].filter((runId) => !this.#options.isLiveHere(runId));
    if (ids.length <= maxPolled) return ids;
    const from = this.#nextId % ids.length;
    this.#nextId = from + maxPolled;
    return [
      ...ids.slice(from, from + maxPolled),
      ...ids.slice(0, Math.max(0, from + maxPolled - ids.length)),
    ];
  }

  #settle({ run, payload }: RunSnapshot): void {
    if (!isEnded(run.status) || run.status === "continued" || payload === null) return;
    const end = { status: run.status, payload, successorId: run.successorId };
    for (const callback of [...(this.#waiting.get(run.id) ?? [])]) callback(end);
  }
}
