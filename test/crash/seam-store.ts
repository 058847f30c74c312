/**
 * A store whose every call that changes something is a numbered place at which the process can end itself.
 *
 * P1. A point is named by its method and how many calls of it came before: `commit 3`. Calls that find nothing to do (an empty claim,
 *     a sweep without dead workers) have no number, since how many there are is a matter of time.
 * P2. At a point the process ends `before` the store sees the call, after it was executed and before anybody hears the answer
 *     (`lost`), or once the caller has acted upon the answer (`after`).
 * P3. The end is SIGKILL to itself: no handler runs, nothing is flushed.
 */
import type { Store } from "../../packages/perdure/src/store.ts";
import type { EffectJournal } from "./effect-journal.ts";

export const pointModes = ["before", "lost", "after"] as const;
export type PointMode = (typeof pointModes)[number];

export interface CrashPoint {
  /** As in `commit 3`; `effect 2` is the second line that steps write. */
  point: string;
  mode: PointMode;
}

/** Calls that change something. */
export const changingMethods = [
  "create",
  "deliver",
  "register",
  "renew",
  "unregister",
  "claim",
  "release",
  "commit",
  "expire",
  "unhold",
] as const;
/** Calls that only look: an end there is an end after the call before. */
export const readingMethods = [
  "load",
  "run",
  "snapshots",
  "runs",
  "count",
  "history",
  "workers",
  "health",
] as const;
/** Calls of the connection itself. */
export const otherMethods = ["open", "close", "watch"] as const;

type ChangingMethod = (typeof changingMethods)[number];

export class Seam {
  readonly #crash: CrashPoint | null;
  readonly #reached = new Map<string, number>();
  /** Claims that were answered, empty ones too. */
  answeredClaims = 0;

  constructor(crash: CrashPoint | null) {
    this.#crash = crash;
  }

  /** How often each was reached, in the order of their first time. */
  get counts(): Record<string, number> {
    return Object.fromEntries(this.#reached);
  }

  /** The next number of this name, not taken yet. */
  next(name: string): string {
    return `${name} ${(this.#reached.get(name) ?? 0) + 1}`;
  }

  take(name: string): string {
    const point = this.next(name);
    this.#reached.set(name, (this.#reached.get(name) ?? 0) + 1);
    return point;
  }

  at(point: string, mode: PointMode): void {
    if (this.#isMine(point, mode)) endProcess();
  }

  /** The caller acts upon the answer in this turn of the event loop; the process ends in the one after. */
  soonAt(point: string, mode: PointMode): void {
    if (this.#isMine(point, mode)) setImmediate(() => setImmediate(endProcess));
  }

  #isMine(point: string, mode: PointMode): boolean {
    return this.#crash?.point === point && this.#crash.mode === mode;
  }
}

function endProcess(): void {
  process.kill(process.pid, "SIGKILL");
  for (;;); // the signal is on its way
}

/** Whether a call has done something, and so has a number. */
const hasEffect: { [M in ChangingMethod]?: (answer: Awaited<ReturnType<Store[M]>>) => boolean } = {
  claim: ({ runs }) => runs.length > 0,
  expire: ({ workers }) => workers.length > 0,
  unhold: (count) => count > 0,
};

export function seamStore(store: Store, seam: Seam, journal: EffectJournal): Store {
  const seamed = <M extends ChangingMethod>(method: M): Store[M] => {
    const call = store[method].bind(store) as (...args: unknown[]) => Promise<unknown>;
    const counts = hasEffect[method] as ((answer: unknown) => boolean) | undefined;
    return (async (...args: unknown[]) => {
      const expected = counts ? seam.next(method) : seam.take(method);
      seam.at(expected, "before");
      const answer = await call(...args);
      if (method === "claim") seam.answeredClaims++;
      const point = counts ? (counts(answer) ? seam.take(method) : null) : expected;
      if (point === null) return answer;
      seam.at(point, "lost");
      note(journal, method, args, answer);
      seam.soonAt(point, "after");
      return answer;
    }) as unknown as Store[M];
  };
  const changing = Object.fromEntries(changingMethods.map((method) => [method, seamed(method)]));
  const plain = Object.fromEntries(
    [...readingMethods, ...otherMethods].map((method) => [method, store[method]?.bind(store)]),
  );
  return { description: store.description, ...plain, ...changing } as unknown as Store;
}

/** What a process knows from the store's answer, before it acts upon it. */
function note(journal: EffectJournal, method: ChangingMethod, args: unknown[], answer: unknown): void {
  if (method === "register") {
    const [worker] = args as Parameters<Store["register"]>;
    journal.write({ what: "registered", worker: worker.id });
  } else if (method === "claim" || method === "create") {
    const runs =
      method === "claim"
        ? (answer as Awaited<ReturnType<Store["claim"]>>).runs
        : (answer as Awaited<ReturnType<Store["create"]>>).map(
            (one) => one.status === "created" && one.claimed,
          );
    for (const one of runs)
      if (one) journal.write({ what: "claimed", run: one.run.id, claim: one.run.claim! });
  } else if (method === "commit") {
    const [writes] = args as Parameters<Store["commit"]>;
    const { answers } = answer as Awaited<ReturnType<Store["commit"]>>;
    writes.forEach(({ runId: run, claim, nextSeq: from, events }, index) => {
      const { status } = answers[index]!;
      if (events.length === 0 || (status !== "accepted" && status !== "kept")) return;
      const completed = events.flatMap((event) => (event.type === "step.completed" ? [event.op] : []));
      journal.write({ what: "committed", run, claim, from, to: from + events.length - 1, completed });
    });
  }
}
