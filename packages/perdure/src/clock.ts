/**
 * The port for a process's own time.
 *
 * C1. It never decides a lease, a due time or an order: those are the store's (rule 8). It measures how long ago the
 *     store said what time it was, and wakes the process up.
 * C2. No timer of it keeps a process alive, unless asked to.
 */

export interface Clock {
  /** Milliseconds since 1970, as this machine sees them. */
  now(): number;
  /** Milliseconds that only grow, from an arbitrary start. */
  monotonic(): number;
  /** Calls back once, not before `delayMs` have passed, however long that is. Returns what takes it back. */
  after(delayMs: number, callback: () => void, options?: { keepAlive?: boolean }): () => void;
  /**
   * Settles when code has come to rest: microtasks drained, and one macrotask after.
   * Executions deliver the next result only then (rule 1).
   */
  rest(): Promise<void>;
}

/** A longer `setTimeout` fires after one millisecond (Node, documented); longer delays go in parts. */
const maxTimeoutMs = 2_147_483_647;

let resting: Promise<void> | null = null;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback, options) {
    const dueAt = performance.now() + delayMs;
    let timer: NodeJS.Timeout;
    const arm = (ms: number): void => {
      timer = setTimeout(
        () => {
          // A timeout may fire a millisecond early; what it wakes would then find nothing due.
          const left = dueAt - performance.now();
          if (left > 0) arm(left);
          else callback();
        },
        Math.min(Math.max(Math.ceil(ms), 0), maxTimeoutMs),
      );
      if (!options?.keepAlive) timer.unref();
    };
    arm(delayMs);
    return () => clearTimeout(timer);
  },
  rest() {
    // One macrotask serves all that came to rest before it.
    resting ??= new Promise((resolve) =>
      setImmediate(() => {
        resting = null;
        resolve();
      }),
    );
    return resting;
  },
};
