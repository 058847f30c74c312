/**
 * The workflows of the crash-point proof, each with what must come out whatever happens in between.
 *
 * H1. Every step's first argument is its label: no other call of its run has the same.
 * H2. What a step does depends on its arguments, its attempt and the journal, never on time, so that the oracle is known.
 * H3. `drive` may be called again by a later process: it is what a client does that tries again.
 */
import { existsSync, writeFileSync } from "node:fs";
import {
  FatalError,
  map,
  mapSettled,
  now,
  OutcomeUnknownError,
  PerdureError,
  RunFailedError,
  random,
  sleep,
  step,
  stepInfo,
  uuid,
  workflow,
  type Duration,
  type Engine,
  type RunHandle,
  type StepOptions,
  type Workflow,
} from "../../packages/perdure/src/index.ts";
import type { EffectJournal, JournalLine } from "./effect-journal.ts";
import type { Seam } from "./seam-store.ts";

/** What a caller is told of a run. */
export type Outcome = { status: "completed"; value: unknown } | { status: "failed"; message: string };

export interface World {
  engine: Engine;
  journal: EffectJournal;
  seam: Seam;
  readLines: () => JournalLine[];
  /** A file that steps and drivers may make: something in the world outside. */
  markerPath: string;
  /** Ends this process's worker as `stop` does, and starts another. */
  restartWorker: (drain: false | "5s") => Promise<void>;
}

export interface Shape {
  name: string;
  drive: (world: World) => Promise<Outcome[]>;
  /** Outcomes of a drive without faults. */
  expected: (outcomes: Outcome[]) => boolean;
  /** Also allowed when a process died: what is promised is then less. */
  expectedAfterCrash?: (outcomes: Outcome[]) => boolean;
  /** Points that depend on time and are reached all the same. */
  extraPoints?: readonly string[];
  /** The one run of the shape; none when it takes more than a start. */
  workflow?: string;
  input?: unknown;
  /** Its steps look at all runs of the journal, so it must be alone there. */
  isAlone?: boolean;
}

let world: World;

/** Steps of this process write to this world. */
export function setWorld(its: World): void {
  world = its;
}

type Body<Args extends unknown[], R> = (label: string, ...args: Args) => R;

/** A step whose begin and end are journaled; both are points. */
function effect<Args extends unknown[], R>(name: string, options: StepOptions, body: Body<Args, R>) {
  return step(name, options, async (label: string, ...args: Args): Promise<Awaited<R>> => {
    const { runId, step: stepName, attempt, idempotencyKey } = stepInfo();
    const write = (line: { what: "begin" } | { what: "end"; ok: boolean }): void => {
      const about = { run: runId, step: stepName, label, attempt, key: idempotencyKey, at: Date.now() };
      world.journal.write({ ...about, ...line });
      world.seam.at(world.seam.take("effect"), "after");
    };
    write({ what: "begin" });
    try {
      const result = await body(label, ...args);
      write({ what: "end", ok: true });
      return result;
    } catch (error) {
      write({ what: "end", ok: false });
      throw error;
    }
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const fast = { retry: { maxAttempts: 4, backoff: "fixed", initialDelay: 15, jitter: 0 } } as const;

const add = effect("add", fast, (_label, a: number, b: number) => a + b);
const square = effect("square", fast, async (_label, value: number, ms: number) => {
  await pause(ms);
  return value * value;
});
const flaky = effect("flaky", fast, (label, failures: number) => {
  if (stepInfo().attempt <= failures) throw new Error(`no luck with ${label}`);
  return label;
});
const fatal = effect("fatal", fast, (label) => {
  throw new FatalError(`never ${label}`);
});
/** Ends when it is aborted, or after a time that no test waits for. */
const hang = effect("hang", { retry: { maxAttempts: 1 } }, async () => {
  const { signal } = stepInfo();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, 60_000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  throw new Error("aborted");
});
const chargeOnce = effect("charge once", { once: true }, async (label) => {
  await pause(5);
  return `charged ${label}`;
});

const sequence = workflow("sequence", async (start: number) => {
  let sum = start;
  for (let index = 0; index < 4; index++) sum = await add(`add ${index}`, sum, index);
  return sum;
});

const retries = workflow("retries", async () => {
  const first = await flaky("first", 2);
  const second = await flaky("second", 1);
  const third = await flaky("third", 9).catch((error: unknown) => `gave up: ${(error as Error).message}`);
  return [first, second, third];
});

const fanOut = workflow("fan-out", async () => {
  const squares = await Promise.all([5, 4, 3, 2, 1].map((n) => square(`${n}`, n, n * 25)));
  const settled = await Promise.allSettled([flaky("settled", 1), fatal("settled fatally"), add("sum", 1, 2)]);
  return [squares, settled.map(({ status }) => status)];
});

const races = workflow("races", async () => {
  const first = await Promise.race([hang("loser"), sleep("30ms").then(() => "timer")]);
  const second = await Promise.race([square("winner", 3, 5), sleep("1h").then(() => "timer")]);
  const third = await Promise.any([fatal("any"), add("any add", 4, 5)]);
  return [first, second, third];
});

const nested = workflow("nested", async () => {
  const log: string[] = [];
  try {
    try {
      log.push(await flaky("inner", 1));
      await fatal("inner fatal");
    } catch (error) {
      log.push(`caught ${(error as Error).message}`);
      await add("compensation", 1, 1);
      throw new Error("outer", { cause: error });
    } finally {
      log.push(`finally ${await add("inner finally", 2, 2)}`);
    }
  } catch (error) {
    log.push((error as Error).message);
  } finally {
    await Promise.all([add("outer finally", 3, 3), sleep("10ms")]);
  }
  return log;
});

const branches = workflow("branches", async () => {
  let value = 6;
  const path: number[] = [];
  for (let round = 0; value !== 1; round++) {
    if (value % 2 === 0) value = (await square(`${round} even`, value, 1)) / (value * 2);
    else value = await add(`${round} odd`, value * 3, 1);
    path.push(value);
    if (round === 3) await sleep(5);
  }
  return path;
});

const atMostOnce = workflow("at-most-once", async () => {
  const before = await add("before", 1, 1);
  const charged = await chargeOnce("card").catch((error: unknown) => {
    if (error instanceof OutcomeUnknownError) return "unknown";
    throw error;
  });
  const after = await add("after", 2, 2);
  return [before, charged, after];
});

const sleeps = workflow("sleeps", async () => {
  const beganAt = now();
  await sleep("20ms");
  await add("between", 1, 1);
  await sleep(new Date(now() + 15));
  await Promise.all([sleep(10), sleep(20), sleep(20).then(() => add("behind a sleep", 2, 2))]);
  return now() - beganAt >= 55;
});

const failsFirst = effect("fails first", { retry: { maxAttempts: 1 } }, (label) => {
  const { runId } = stepInfo();
  const first = world.readLines().find((line) => line.what === "begin" && line.step === "fails first");
  if (first?.what === "begin" && first.run === runId) throw new Error(`${label} failed for the whole run`);
  return label;
});

const wholeRetry = workflow(
  "whole-retry",
  { retry: { maxAttempts: 3, initialDelay: 10, jitter: 0 } },
  async () => {
    const sum = await add("before", 20, 1);
    return [sum, await failsFirst("whole")];
  },
);

const transient = workflow("transient", { transient: true }, async () => {
  const sum = await add("first", 1, 1);
  await sleep(10);
  return add("second", sum, 1);
});

const mapped = workflow("mapped", async () => {
  const results = await map([1, 2, 3, 4, 5, 6, 7], { concurrency: 3 }, async (item) => {
    const squared = await square(`square ${item}`, item, item * 8);
    return add(`add ${item}`, squared, 1);
  });
  const settled = await mapSettled([0, 1, 2, 3], { concurrency: 2, tolerate: 1 }, (item) =>
    item === 2 ? fatal(`settle ${item}`) : add(`settle ${item}`, item, 0),
  );
  return [results, settled.map(({ status }) => status)];
});

const deadline = workflow("deadline", { deadline: "250ms" }, async () => {
  await add("in time", 1, 1);
  await hang("too long");
});

const keyed = workflow("keyed", async (order: string) => {
  const charged = await flaky(`charge ${order}`, 1);
  return [charged, await add("total", 1, 2)];
});

const chance = workflow("chance", async () => {
  const first = [uuid(), random(), now()];
  const seen = await echo("first", JSON.stringify(first));
  const second = [uuid(), random()];
  const [seenSecond] = await Promise.all([echo("second", JSON.stringify(second)), sleep(5)]);
  return seen === JSON.stringify(first) && seenSecond === JSON.stringify(second) && first[0] !== second[0];
});
const echo = effect("echo", fast, (_label, text: string) => text);

const terminated = workflow("terminated", async () => {
  await add("before", 1, 1);
  await Promise.all([hang("one"), hang("two"), sleep("1h")]);
});

const mended = effect("mended", fast, (label) => {
  if (!existsSync(world.markerPath)) throw new FatalError(`${label} is broken`);
  return label;
});
const deadLetter = workflow("dead-letter", async () => {
  const [sum] = await Promise.all([add("before", 1, 1), sleep(10)]);
  return [sum, await mended("dependency"), await add("later", 2, 2)];
});

const handedBack = workflow("handed-back", async () => {
  const [slow] = await Promise.all([square("slow", 3, 60), add("quick", 1, 1), flaky("flaky", 1)]);
  await sleep(10);
  return add("last", slow, 1);
});

const renewed = workflow("renewed", async () => add("sum", await square("long", 2, 500), 1));

/** Waits for the end of a run and journals what its caller is told. */
export async function outcomeOf(handle: RunHandle, timeout: Duration = "20s"): Promise<Outcome> {
  let outcome: Outcome;
  try {
    outcome = { status: "completed", value: await handle.result({ timeout }) };
  } catch (error) {
    if (error instanceof PerdureError) throw error;
    const reason = error instanceof RunFailedError ? error.cause : error;
    outcome = { status: "failed", message: (reason as Error).message };
  }
  world.journal.write({ what: "outcome", outcome: { run: handle.id, ...outcome } });
  return outcome;
}

/** The caller has its start. */
export function noteStarted<T>(handle: RunHandle<T>): RunHandle<T> {
  world.journal.write({ what: "started", run: handle.id });
  return handle;
}

/** Starts one run under an id of its own and waits for its end. */
function one<I>(its: Workflow<I, unknown>, input?: I): Pick<Shape, "workflow" | "input" | "drive"> {
  const drive = async ({ engine }: World): Promise<Outcome[]> => [
    await outcomeOf(noteStarted(await engine.start(its.spec.name, input, { id: "r1" }))),
  ];
  return { workflow: its.spec.name, input, drive };
}

async function untilBegun(label: string): Promise<void> {
  while (!world.readLines().some((line) => line.what === "begin" && line.label === label)) await pause(5);
}

async function driveKeyed({ engine }: World): Promise<Outcome[]> {
  const options = { idempotencyKey: "order-7" };
  const both = await Promise.all([engine.start(keyed, "7", options), engine.start(keyed, "7", options)]);
  both.forEach(noteStarted);
  const conflict = await engine.start(keyed, "8", options).then(
    () => "none",
    (error: unknown) => (error as PerdureError).code,
  );
  const outcome = await outcomeOf(both[0]);
  const again = noteStarted(await engine.start(keyed, "7", options));
  const isOne = new Set([...both, again].map(({ id }) => id)).size === 1;
  return [outcome, { status: "completed", value: [isOne, conflict] }];
}

/** Not due at once, it is not claimed as it is created. */
async function driveDelayed({ engine }: World): Promise<Outcome[]> {
  return [await outcomeOf(noteStarted(await engine.start(sequence, 20, { id: "r1", delay: "20ms" })))];
}

async function driveTogether({ engine }: World): Promise<Outcome[]> {
  const starts = [1, 2, 3, 4, 5].map((n) => ({ input: n, options: { id: `r${n}` } }));
  const handles = await engine.startMany(sequence, starts);
  return Promise.all(handles.map((handle) => outcomeOf(noteStarted(handle))));
}

async function driveTerminated({ engine }: World): Promise<Outcome[]> {
  const handle = noteStarted(await engine.start(terminated, undefined, { id: "r1" }));
  await untilBegun("two");
  await handle.terminate({ reason: "enough" });
  return [await outcomeOf(handle)];
}

async function driveDeadLetter({ engine, markerPath }: World): Promise<Outcome[]> {
  const handle = noteStarted(await engine.start(deadLetter, undefined, { id: "r1" }));
  let outcome = await handle.result({ timeout: "20s" }).catch((error: unknown) => error);
  if (outcome instanceof RunFailedError) {
    writeFileSync(markerPath, "");
    await handle.retry();
    outcome = await handle.result({ timeout: "20s" });
  }
  if (outcome instanceof Error) throw outcome;
  return [{ status: "completed", value: outcome }];
}

function driveHandedBack(drain: false | "5s") {
  return async ({ engine, restartWorker }: World): Promise<Outcome[]> => {
    const handle = noteStarted(await engine.start(handedBack, undefined, { id: "r1" }));
    await untilBegun("slow");
    await restartWorker(drain);
    return [await outcomeOf(handle)];
  };
}

const completes =
  (...values: unknown[]) =>
  (outcomes: Outcome[]): boolean =>
    JSON.stringify(outcomes) === JSON.stringify(values.map((value) => ({ status: "completed", value })));
const fails =
  (pattern: RegExp) =>
  ([outcome]: Outcome[]): boolean =>
    outcome?.status === "failed" && pattern.test(outcome.message);

export const shapes: readonly Shape[] = [
  { name: "sequence", ...one(sequence, 10), expected: completes(16) },
  {
    name: "flaky steps with retries",
    ...one(retries),
    expected: completes(["first", "second", "gave up: no luck with third"]),
  },
  {
    name: "fan-out with a shared name",
    ...one(fanOut),
    expected: completes([
      [25, 16, 9, 4, 1],
      ["fulfilled", "rejected", "fulfilled"],
    ]),
  },
  { name: "races", ...one(races), expected: completes(["timer", 9, 9]) },
  {
    name: "nested try, catch and finally",
    ...one(nested),
    expected: completes(["inner", "caught never inner fatal", "finally 4", "outer"]),
  },
  {
    name: "a loop with branches",
    ...one(branches),
    expected: completes([3, 10, 5, 16, 8, 4, 2, 1]),
  },
  {
    name: "a once step",
    ...one(atMostOnce),
    expected: completes([2, "charged card", 4]),
    expectedAfterCrash: completes([2, "unknown", 4]),
  },
  { name: "sleeps", ...one(sleeps), expected: completes(true) },
  { name: "whole-run retry", isAlone: true, ...one(wholeRetry), expected: completes([21, "whole"]) },
  {
    name: "transient",
    ...one(transient),
    expected: completes(3),
    expectedAfterCrash: fails(/^TRANSIENT_LOST/),
  },
  {
    name: "map with a concurrency",
    ...one(mapped),
    expected: completes([
      [2, 5, 10, 17, 26, 37, 50],
      ["fulfilled", "fulfilled", "rejected", "fulfilled"],
    ]),
  },
  { name: "deadline", ...one(deadline), expected: fails(/^DEADLINE_EXCEEDED/) },
  {
    name: "idempotent starts",
    drive: driveKeyed,
    expected: completes(["charge 7", 3], [true, "KEY_CONFLICT"]),
  },
  { name: "chance and time", ...one(chance), expected: completes(true) },
  { name: "a delayed start", drive: driveDelayed, expected: completes(26) },
  { name: "runs that share commits", drive: driveTogether, expected: completes(7, 8, 9, 10, 11) },
  { name: "terminate", drive: driveTerminated, expected: fails(/^enough$/) },
  { name: "a dead letter retried", drive: driveDeadLetter, expected: completes([2, "dependency", 4]) },
  { name: "handed back at once", drive: driveHandedBack(false), expected: completes(10) },
  { name: "drained and handed back", drive: driveHandedBack("5s"), expected: completes(10) },
  {
    name: "a lease renewed",
    ...one(renewed),
    expected: completes(5),
    extraPoints: ["renew 1", "renew 2"],
  },
];
