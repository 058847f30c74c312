/** Workflows of three steps, 200 in flight, with full durability, against a bare loop that writes the same rows in the same batches. */
import { join } from "node:path";
import { createEngine, step, workflow } from "perdure";
import { bareWorkflows, createBareWriter, median, openBare, report, temporaryFolder } from "./bare-loop.mjs";

const count = 2_000;
const inFlight = 200;
const rounds = Number(process.env.PERDURE_BENCH_ROUNDS ?? 7);
const input = { k: 1, pad: "x".repeat(80) };

const add = step("add", async (value) => ({ ...value, k: value.k + 1 }));
const threeSteps = workflow("three-steps", async (value) => add(await add(await add(value))));

const folder = temporaryFolder();
const engine = createEngine({ store: `sqlite:${join(folder, "engine.db")}` });
await engine.work({ concurrency: 2 * inFlight });
const db = await openBare(join(folder, "bare.db"));
const writer = createBareWriter(db);

async function engineRound() {
  let started = 0;
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (started < count) {
        started++;
        const run = await engine.start(threeSteps, input);
        const output = await run.result();
        if (output.k !== 4) throw new Error("wrong result");
      }
    }),
  );
  return (count / (performance.now() - begin)) * 1_000;
}

function bareRound() {
  const begin = performance.now();
  bareWorkflows(writer, {
    count,
    batch: inFlight,
    steps: 3,
    name: "three-steps",
    payload: JSON.stringify(input),
  });
  return (count / (performance.now() - begin)) * 1_000;
}

// The compiler has settled after some ten thousand.
for (let round = 0; round < 6; round++) await engineRound();
bareRound();
const results = [];
for (let round = 0; round < rounds; round++) {
  const cpu = process.cpuUsage();
  const engineRate = await engineRound();
  const spent = process.cpuUsage(cpu);
  const bareRate = bareRound();
  results.push({
    engineRate,
    bareRate,
    ratio: engineRate / bareRate,
    cpuUs: (spent.user + spent.system) / count,
  });
}
await engine.close();
const ratio = median(results.map((result) => result.ratio));
report([
  {
    name: "3-step workflows/s, 200 in flight (engine)",
    value: Math.round(median(results.map((r) => r.engineRate))),
  },
  {
    name: "3-step workflows/s, 200 a batch (bare loop)",
    value: Math.round(median(results.map((r) => r.bareRate))),
  },
  { name: "CPU per workflow, microseconds (engine)", value: Math.round(median(results.map((r) => r.cpuUs))) },
  {
    name: "rate of the engine to the bare loop",
    value: ratio.toFixed(2),
    goal: ">= 0.60",
    met: ratio >= 0.6,
  },
]);
