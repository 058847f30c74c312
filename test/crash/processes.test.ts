import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSqliteStore } from "../../packages/perdure/src/stores/sqlite/sqlite-store.ts";
import { compile, type Compiled } from "./compile.ts";
import { readJournal } from "./effect-journal.ts";
import {
  checkEffects,
  checkHistories,
  checkOwners,
  checkRecordedFirst,
  checkRows,
  readState,
} from "./invariants.ts";
import type { LatencyOrder } from "./latency-child.ts";
import type { WorkerOrder } from "./worker-child.ts";

const extent = process.env["PERDURE_PROOF"];
const chaosMs = extent === "long" ? 300_000 : extent === "ci" ? 20_000 : 8_000;
const leaseMs = 600;
const workerCount = 3;

let compiled: Compiled;
let folder: string;
const children = new Set<ChildProcess>();
/** What processes said on standard error, for the message of a failure. */
let errors: string[] = [];

beforeAll(async () => {
  compiled = await compile();
});
afterAll(() => compiled.remove());

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function start(program: string, order: WorkerOrder | LatencyOrder): ChildProcess {
  const child = spawn(process.execPath, [compiled.program(program), JSON.stringify(order)], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  children.add(child);
  child.stderr.setEncoding("utf8").on("data", (text: string) => errors.push(`${child.pid}: ${text}`));
  child.on("close", () => children.delete(child));
  return child;
}

async function inFolder(work: () => Promise<void>): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), "perdure-processes-"));
  errors = [];
  try {
    await work();
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all([...children].map(ended));
    await rm(folder, { recursive: true, force: true });
  }
}

function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once("close", (code) => resolve(code)));
}

function outputOf(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout!.setEncoding("utf8").on("data", (part: string) => (text += part));
  return new Promise((resolve) => child.once("close", () => resolve(text)));
}

test(
  "workers of one file may be killed and paused at any time: no run is lost, no owner writes after another",
  { timeout: chaosMs + 240_000 },
  () =>
    inFolder(async () => {
      const startWorker = (): ChildProcess => start("worker-child", { folder, leaseMs });
      const workers = Array.from({ length: workerCount }, startWorker);
      const everyMs = 40;
      const client = start("worker-child", {
        folder,
        leaseMs,
        starts: { count: Math.floor(chaosMs / everyMs), everyMs },
      });
      const clientOutput = outputOf(client);
      const endsAt = performance.now() + chaosMs;
      const tally = { killed: 0, pausedShortly: 0, pausedPastLease: 0 };
      /** Workers that were paused beyond their lease, and how often each had registered by then. */
      const sleepers: { pid: number; registrations: number }[] = [];
      const registrationsOf = (pid: number): number =>
        readJournal(`${folder}/effects.jsonl`).filter(
          (line) => line.what === "registered" && line.pid === pid,
        ).length;
      while (performance.now() < endsAt) {
        await pause(100 + Math.random() * 500);
        const index = Math.floor(Math.random() * workerCount);
        const worker = workers[index]!;
        if (Math.random() < 0.5) {
          worker.kill("SIGKILL");
          await ended(worker);
          workers[index] = startWorker();
          tally.killed++;
          continue;
        }
        const isLong = Math.random() < 0.5;
        const registrations = registrationsOf(worker.pid!);
        worker.kill("SIGSTOP");
        await pause(leaseMs * (isLong ? 1.5 + Math.random() : 0.3));
        worker.kill("SIGCONT");
        if (!isLong) {
          tally.pausedShortly++;
          continue;
        }
        tally.pausedPastLease++;
        if (registrations > 0) sleepers.push({ pid: worker.pid!, registrations });
      }
      const code = await ended(client);
      // Once more to be sure of one: whoever sleeps past its lease comes back as somebody else.
      const [last] = workers;
      await until(() => registrationsOf(last!.pid!) > 0, `process ${last!.pid} is a worker`);
      const before = registrationsOf(last!.pid!);
      last!.kill("SIGSTOP");
      await pause(leaseMs * 2.5);
      last!.kill("SIGCONT");
      await until(() => registrationsOf(last!.pid!) > before, `process ${last!.pid} is a new worker`);
      for (const worker of workers) worker.stdin!.end();
      await Promise.all(workers.map(ended));

      assert.equal(code, 0, `the client was told otherwise: ${await clientOutput}`);
      const store = createSqliteStore({ path: `${folder}/store.db` });
      await store.open();
      const state = await readState(store);
      const left = await store.workers();
      await store.close();
      const lines = readJournal(`${folder}/effects.jsonl`);
      const violations = [
        ...checkHistories(state),
        ...checkRows(state),
        ...checkRecordedFirst(state, lines),
        ...checkEffects(state, lines, []),
        ...checkOwners(lines),
      ];
      const resumed = [...state.values()].flatMap(({ events }) =>
        events.filter(({ type }) => type === "run.resumed"),
      ).length;
      console.log(`${state.size} runs, ${JSON.stringify(tally)}, taken over ${resumed} times`);
      expect(violations).toEqual([]);
      for (const { pid, registrations } of sleepers) {
        const wasKilled = !workers.some((worker) => worker.pid === pid);
        assert.ok(
          wasKilled || registrationsOf(pid) > registrations,
          `process ${pid} slept past its lease and goes on under its old name`,
        );
      }
      // The dead were forgotten, and the living have said good-bye.
      expect(left.filter(({ owned }) => owned > 0)).toEqual([]);
    }),
);

test("a worker in another process notices new work at once", { timeout: 120_000 }, () =>
  inFolder(async () => {
    const worker = start("latency-child", { folder, role: "worker", count: 0 });
    await new Promise((resolve) => worker.stdout!.once("data", resolve));
    const client = start("latency-child", { folder, role: "client", count: 150 });
    const latencies = (JSON.parse(await outputOf(client)) as number[]).sort((a, b) => a - b);
    const at = (part: number): number => latencies[Math.floor((latencies.length - 1) * part)]!;
    console.log(
      `start to first step across processes: p50 ${at(0.5).toFixed(1)} ms, p95 ${at(0.95).toFixed(1)} ms, max ${at(1).toFixed(1)} ms`,
    );
    // 25 ms is what is promised and what the bench measures; other work on this machine may cost some more.
    expect(at(0.95)).toBeLessThan(100);
    worker.stdin!.end();
    await ended(worker);
  }),
);

async function until(isSo: () => boolean, what: string): Promise<void> {
  for (const endsAt = performance.now() + 20_000; !isSo();) {
    assert.ok(performance.now() < endsAt, `not within 20 s: ${what}. ${errors.slice(-30).join("")}`);
    await pause(50);
  }
}
