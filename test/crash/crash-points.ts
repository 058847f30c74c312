/**
 * Kills a real process at every point of a workflow, has another one finish the work, and compares what came out.
 *
 * Q1. The points of a shape come from a run without faults, which counts them.
 * Q2. For each point and each way to die there: one process that dies, one that finishes, then the invariants. The store is looked at in
 *     between on a copy, so that recovery is the second process's own.
 * Q3. A point that was not reached this time is tried once more, and then told: never silently passed.
 */
import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSqliteStore } from "../../packages/perdure/src/stores/sqlite/sqlite-store.ts";
import type { ChildOrder, ChildReport } from "./crash-child.ts";
import { readJournal } from "./effect-journal.ts";
import {
  checkEffects,
  checkHistories,
  checkNothingChanged,
  checkOwners,
  checkRecordedFirst,
  checkRows,
  readState,
  type StoredRun,
} from "./invariants.ts";
import { pointModes, type CrashPoint } from "./seam-store.ts";
import type { Shape } from "./shapes.ts";

/** Short, so that a proof need not wait long for a dead worker; a busy machine may lose one, and the checks allow for it. */
const leaseMs = 400;
const childLimitMs = 30_000;

export interface CrashResult {
  shape: string;
  /** One process died at each of them, in this order. */
  crashes: CrashPoint[];
  /** Points that were not reached: their process ended well. */
  missed: CrashPoint[];
  violations: string[];
  /** From the start of the last process to its end. */
  finishMs: number;
}

export class CrashPoints {
  readonly #program: string;

  /** @param program of a child process, compiled. */
  constructor(program: string) {
    this.#program = program;
  }

  /** How often each point's name is reached without a fault. */
  async count(shape: Shape): Promise<Record<string, number>> {
    return this.#inFolder(async (folder) => {
      const ended = await this.#run({ shape: shape.name, folder, leaseMs, crash: null });
      if (ended.report === null || !shape.expected(ended.report.outcomes)) {
        throw new Error(
          `Shape "${shape.name}" does not come out as expected without a fault: ${JSON.stringify(ended)}`,
        );
      }
      const violations = await checkAll(folder, []);
      if (violations.length > 0) throw new Error(`Shape "${shape.name}", no fault: ${violations.join("\n")}`);
      return ended.report.counts;
    });
  }

  /** One process dies at each of these points, in turn; another finishes. */
  async crash(shape: Shape, points: readonly CrashPoint[]): Promise<CrashResult> {
    const result = await this.#crashOnce(shape, points);
    return result.missed.length > 0 && result.violations.length === 0
      ? this.#crashOnce(shape, points)
      : result;
  }

  #crashOnce(shape: Shape, points: readonly CrashPoint[]): Promise<CrashResult> {
    return this.#inFolder(async (folder) => {
      const missed: CrashPoint[] = [];
      const violations: string[] = [];
      const seen: { line: number; state: Map<string, StoredRun> }[] = [];
      for (const crash of points) {
        const ended = await this.#run({ shape: shape.name, folder, leaseMs, crash });
        if (ended.signal === null) missed.push(crash);
        if (ended.signal === null && ended.report === null)
          violations.push(`a process failed: ${ended.errors}`);
        const state = await readCopy(folder);
        const lines = readJournal(`${folder}/effects.jsonl`);
        violations.push(...checkRecordedFirst(state, lines));
        seen.push({ line: lines.length, state });
      }
      const beganAt = performance.now();
      const last = await this.#run({ shape: shape.name, folder, leaseMs, crash: null });
      const finishMs = performance.now() - beganAt;
      const outcomes = last.report?.outcomes;
      const isFine =
        outcomes !== undefined && (shape.expected(outcomes) || shape.expectedAfterCrash?.(outcomes) === true);
      if (!isFine) violations.push(`it came out as ${JSON.stringify(outcomes ?? last.errors)}`);
      violations.push(...(await checkAll(folder, seen)));
      return { shape: shape.name, crashes: [...points], missed, violations, finishMs };
    });
  }

  async #inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), "perdure-crash-"));
    try {
      return await work(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  #run(order: ChildOrder): Promise<{
    signal: NodeJS.Signals | null;
    report: ChildReport | null;
    errors: string;
  }> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [this.#program, JSON.stringify(order)], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      let errors = "";
      let isLate = false;
      child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
      const timer = setTimeout(() => {
        isLate = true;
        child.kill("SIGKILL");
      }, childLimitMs);
      child.on("error", reject);
      child.on("close", (code, signal) => {
        clearTimeout(timer);
        if (isLate) {
          resolve({ signal: null, report: null, errors: `not ended in ${childLimitMs} ms. ${errors}` });
          return;
        }
        const report = code === 0 && output !== "" ? (JSON.parse(output) as ChildReport) : null;
        resolve({ signal, report, errors: `code ${code}, signal ${signal}. ${errors.slice(-2_000)}` });
      });
    });
  }
}

/** Every point of a shape, in every way to die there. */
export function allPoints(shape: Shape, counts: Record<string, number>): CrashPoint[] {
  const points: CrashPoint[] = [];
  for (const [name, count] of Object.entries(counts)) {
    // Renewals are a matter of time: a shape names those that it is sure to reach.
    if (name === "renew") continue;
    for (let number = 1; number <= count; number++) {
      const modes = name === "effect" ? (["after"] as const) : pointModes;
      for (const mode of modes) points.push({ point: `${name} ${number}`, mode });
    }
  }
  for (const point of shape.extraPoints ?? []) for (const mode of pointModes) points.push({ point, mode });
  return points;
}

/**
 * Pairs: a second crash, while the first is recovered from. The same seed gives the same pairs.
 *
 * @param counted the points of each shape.
 */
export function drawPairs(
  counted: ReadonlyMap<Shape, readonly CrashPoint[]>,
  count: number,
  seed: number,
): { shape: Shape; points: [CrashPoint, CrashPoint] }[] {
  let state = seed >>> 0;
  const draw = <T>(from: readonly T[]): T => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return from[Math.floor((state / 2 ** 32) * from.length)]!;
  };
  return Array.from({ length: count }, () => {
    const [shape, points] = draw([...counted]);
    const recovery = [
      ...pointModes.map((mode) => ({ point: "expire 1", mode })),
      ...points.filter(({ point }) => !/^(create|deliver)/.test(point)),
    ];
    return { shape, points: [draw(points), draw(recovery)] };
  });
}

/** Calls `work` for each item, at most so many at a time. */
export async function forEachOf<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
}

async function checkAll(
  folder: string,
  seen: readonly { line: number; state: Map<string, StoredRun> }[],
): Promise<string[]> {
  const state = await readFrom(`${folder}/store.db`);
  const lines = readJournal(`${folder}/effects.jsonl`);
  return [
    ...checkHistories(state),
    ...checkRows(state),
    ...seen.flatMap((look) => checkNothingChanged(look.state, state)),
    ...checkRecordedFirst(state, lines),
    ...checkEffects(state, lines, seen),
    ...checkOwners(lines),
  ];
}

async function readFrom(path: string): Promise<Map<string, StoredRun>> {
  const store = createSqliteStore({ path, durability: "process" });
  await store.open();
  try {
    return await readState(store);
  } finally {
    await store.close();
  }
}

async function readCopy(folder: string): Promise<Map<string, StoredRun>> {
  const copy = join(folder, "copy");
  await mkdir(copy);
  try {
    const files = (await readdir(folder)).filter((name) => name.startsWith("store.db"));
    // The shared memory is made anew from the log, as after a power cut.
    for (const name of files.filter((name) => !name.endsWith("-shm")))
      await cp(join(folder, name), join(copy, name));
    return await readFrom(join(copy, "store.db"));
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
