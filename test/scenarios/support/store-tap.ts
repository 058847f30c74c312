/** Stands between an engine and its store, so that a test can stop, delay, fail and count what passes. */
import type { Store } from "../../../packages/perdure/src/store.ts";

export type StoreMethod = Exclude<keyof Store, "description" | "watch">;

interface Gate {
  method: StoreMethod;
  reach: () => void;
  passed: Promise<void>;
}

interface Fault {
  method: StoreMethod;
  error: Error;
  /** Whether the store has done it all the same, and only its answer is lost. */
  isDone: boolean;
  times: number;
}

export interface StoreTap {
  readonly store: Store;
  /** How often each method was called. */
  readonly calls: Partial<Record<StoreMethod, number>>;
  /** Calls that are under way and will be answered. */
  readonly underWay: number;
  /** From now on nothing is answered, as for a process that is gone. */
  kill(): void;
  /** Calls wait, also those under way, until `resume`. */
  pause(): void;
  resume(): void;
  /** Stops the next call of a method before it reaches the store. */
  gate(method: StoreMethod): { reached: Promise<void>; open: () => void };
  /** The next calls of a method reject: before they did anything, or after. */
  fail(method: StoreMethod, error: Error, options?: { isDone?: boolean; times?: number }): void;
  /** Called before each call that passes. */
  onCall: ((method: StoreMethod, args: readonly unknown[]) => void) | null;
  /** Called after each call that the store has answered, before its caller hears of it. */
  onDone: ((method: StoreMethod, answer: unknown) => void) | null;
}

const never = new Promise<never>(() => undefined);

/** @param closes whether closing reaches the store: one that others share stays open. */
export function tapStore(inner: Store, closes: boolean): StoreTap {
  const gates: Gate[] = [];
  const faults: Fault[] = [];
  let isKilled = false;
  let paused: Promise<void> | null = null;
  let unpause = (): void => undefined;
  let underWay = 0;

  /** Holds a call back while the process stands still; never goes on when it was killed. */
  const passes = async (): Promise<void> => {
    while (paused && !isKilled) await paused;
    if (isKilled) await never;
  };

  const call = async (method: StoreMethod, args: unknown[]): Promise<unknown> => {
    tap.calls[method] = (tap.calls[method] ?? 0) + 1;
    tap.onCall?.(method, args);
    await passes();
    const index = gates.findIndex((gate) => gate.method === method);
    if (index >= 0) {
      const [gate] = gates.splice(index, 1);
      gate!.reach();
      await gate!.passed;
      await passes();
    }
    const fault = faults.find((candidate) => candidate.method === method && candidate.times > 0);
    if (fault) fault.times--;
    if (fault && !fault.isDone) throw fault.error;
    underWay++;
    try {
      const answer = await (inner[method] as (...args: unknown[]) => Promise<unknown>).apply(inner, args);
      tap.onDone?.(method, answer);
      if (fault) throw fault.error;
      await passes();
      return answer;
    } finally {
      underWay--;
    }
  };

  const store = new Proxy(inner, {
    get(target, key: keyof Store) {
      if (key === "description") return target.description;
      // Other processes are found by polling, on the tests' clock.
      if (key === "watch") return undefined;
      if (key === "close" && !closes) return async () => undefined;
      if (typeof target[key] !== "function") return undefined;
      return (...args: unknown[]) => call(key, args);
    },
  });

  const tap: StoreTap = {
    store,
    calls: {},
    get underWay() {
      return isKilled || paused ? 0 : underWay;
    },
    kill() {
      isKilled = true;
      unpause();
    },
    pause() {
      paused ??= new Promise((resolve) => (unpause = resolve));
    },
    resume() {
      paused = null;
      unpause();
    },
    gate(method) {
      let open = (): void => undefined;
      let reach = (): void => undefined;
      const passed = new Promise<void>((resolve) => (open = resolve));
      const reached = new Promise<void>((resolve) => (reach = resolve));
      gates.push({ method, reach, passed });
      return { reached, open };
    },
    fail(method, error, { isDone = false, times = 1 } = {}) {
      faults.push({ method, error, isDone, times });
    },
    onCall: null,
    onDone: null,
  };
  return tap;
}
