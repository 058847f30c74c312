/** How a bug is put in: by a wrapper around the store, or by a patch of a class that is taken back. */
import type { RunWrite, Store } from "../../../store.ts";
import type { Random } from "../random.ts";

export interface BugSwitches {
  restIsSkipped: boolean;
}

/** One line of the protocol, taken away on purpose: a checker has to notice. */
export interface PlantedBug {
  name: string;
  /** What was taken away. */
  line: string;
  restIsSkipped?: boolean;
  wrapStore?: (store: Store, random: Random) => Store;
  /** Returns what takes it back. */
  patch?: () => () => void;
}

/** The store with some methods replaced. */
export function wrap(store: Store, changes: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const changed = (changes as Record<string | symbol, unknown>)[name];
      if (changed !== undefined) return changed;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

/** Changes what is written, with a look at the run as it is. */
export function rewrite(
  store: Store,
  change: (write: RunWrite, run: NonNullable<Awaited<ReturnType<Store["run"]>>>["run"]) => RunWrite,
): Store {
  return wrap(store, {
    commit: async (writes) => {
      const changed: RunWrite[] = [];
      for (const write of writes) {
        const found = write.claim === null ? undefined : await store.run(write.runId);
        changed.push(found ? change(write, found.run) : write);
      }
      return store.commit(changed);
    },
  });
}

export function patchMethod<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  replace: (original: T[K]) => T[K],
): () => void {
  const original = prototype[name];
  prototype[name] = replace(original);
  return () => void (prototype[name] = original);
}

export function patchGetter<T extends object>(
  prototype: T,
  name: keyof T,
  get: (this: T) => unknown,
): () => void {
  const original = Object.getOwnPropertyDescriptor(prototype, name)!;
  Object.defineProperty(prototype, name, { ...original, get });
  return () => void Object.defineProperty(prototype, name, original);
}
