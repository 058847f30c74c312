/** 100,000 sleeping runs: how fast they start, what they cost a worker in memory, and that a restart does not touch each one. */
import { join } from "node:path";
import { createEngine, sleep, workflow } from "perdure";
import { createBareWriter, openBare, report, temporaryFolder } from "./bare-loop.mjs";

const count = Number(process.env.PERDURE_BENCH_RUNS ?? 100_000);
const folder = temporaryFolder();
const store = `sqlite:${join(folder, "engine.db")}`;
const sleeper = workflow("sleeper", async () => {
  await sleep("30d");
});

const heapMb = () => {
  global.gc?.();
  return process.memoryUsage().heapUsed / 1_048_576;
};

let engine = createEngine({ store });
// Starts alone, 500 in flight, no worker: what a client can do.
const begin = performance.now();
let started = 0;
const startedAt = async () => {
  while (started < count) {
    started++;
    await engine.start(sleeper);
  }
};
await Promise.all(Array.from({ length: 500 }, startedAt));
const startRate = count / ((performance.now() - begin) / 1_000);

const writer = createBareWriter(await openBare(join(folder, "bare.db")));
const bareBegin = performance.now();
for (let done = 0; done < count; done += 500) {
  writer.transaction(() => {
    for (let index = 0; index < 500; index++) writer.create("sleeper", "~");
  });
}
const bareRate = count / ((performance.now() - bareBegin) / 1_000);

// All of them fall asleep.
const worker = await engine.work({ concurrency: 1_000 });
const parkBegin = performance.now();
const samples = [];
for (;;) {
  const { suspended = 0 } = await engine.count({ workflow: "sleeper", status: "suspended" });
  if (suspended >= 10_000) samples.push(heapMb());
  if (suspended === count) break;
  await new Promise((resolve) => setTimeout(resolve, 500));
}
const parkRate = count / ((performance.now() - parkBegin) / 1_000);
const growthMb = samples.length < 2 ? 0 : samples.at(-1) - samples[0];
await worker.stop();
await engine.close();

// A restart: what the new worker does until it is idle.
engine = createEngine({ store });
await engine.open();
const cpu = process.cpuUsage();
const restartBegin = performance.now();
const restarted = await engine.work();
const restartMs = performance.now() - restartBegin;
await new Promise((resolve) => setTimeout(resolve, 2_000));
const { user, system } = process.cpuUsage(cpu);
if (restarted.liveCount !== 0) throw new Error("the restart woke sleepers up");
await engine.close();

report([
  { name: "starts/s, 500 in flight", value: Math.round(startRate), goal: "> 15000", met: startRate > 15_000 },
  { name: "the same rows written bare, runs/s", value: Math.round(bareRate) },
  { name: "starts to bare", value: (startRate / bareRate).toFixed(2) },
  { name: "runs put to sleep/s", value: Math.round(parkRate) },
  {
    name: `worker heap between 10,000 and ${count} sleepers, MB of growth`,
    value: growthMb.toFixed(1),
    goal: "< 16",
    met: growthMb < 16,
  },
  { name: "restart beside them, ms until it works", value: restartMs.toFixed(0) },
  {
    name: "CPU of the first 2 s after the restart, ms",
    value: ((user + system) / 1_000).toFixed(0),
    goal: "< 200",
    met: (user + system) / 1_000 < 200,
  },
]);
