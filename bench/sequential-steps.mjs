/** One workflow of ten sequential steps alone, against eleven bare commits; and 5,000 steps in one run: flat, and quick to resume. */
import { join } from "node:path";
import { createEngine, step, workflow } from "perdure";
import { createBareWriter, median, openBare, percentile, report, temporaryFolder } from "./bare-loop.mjs";

const folder = temporaryFolder();
const input = { k: 1, pad: "x".repeat(80) };
const payload = JSON.stringify(input);
const add = step("add", async (value) => ({ ...value, k: value.k + 1 }));
const tenSteps = workflow("ten-steps", async (value) => {
  for (let index = 0; index < 10; index++) value = await add(value);
  return value;
});

const stepTimes = [];
let resumedAt = 0;
let crashAt = Infinity;
const timed = step("timed", async (index) => {
  stepTimes.push(performance.now());
  if (index === crashAt) return new Promise(() => undefined); // until the worker is stopped
  return index + 1;
});
const last = step("last", async () => {
  resumedAt = performance.now();
});
const manySteps = workflow("many-steps", async (count) => {
  let index = 0;
  while (index < count) index = await timed(index);
  await last();
  return index;
});

const path = join(folder, "engine.db");
let engine = createEngine({ store: `sqlite:${path}` });
let worker = await engine.work();
const writer = createBareWriter(await openBare(join(folder, "bare.db")));

/** Create, then one commit for each step and one for the end: eleven after the creation. */
function bareTen() {
  const begin = performance.now();
  const number = writer.transaction(() => writer.create("ten-steps", payload));
  for (let commit = 1; commit <= 11; commit++) {
    writer.transaction(() => {
      let seq = commit === 1 ? 2 : 2 * commit - 1;
      if (commit === 1) writer.own(number, 3);
      else if (commit === 11) writer.end(number, seq + 2, commit);
      else writer.goOn(number, seq + 2, commit);
      if (commit > 1) writer.event(number, seq++, "step.completed", commit - 1, null, payload);
      if (commit === 11) writer.event(number, seq, "run.completed", null, null, payload);
      else writer.event(number, seq, "step.started", commit, "add", `[${payload}]`);
    });
  }
  return performance.now() - begin;
}

async function engineTen() {
  const begin = performance.now();
  const run = await engine.start(tenSteps, input);
  if ((await run.result()).k !== 11) throw new Error("wrong result");
  return performance.now() - begin;
}

for (let index = 0; index < 50; index++) {
  await engineTen();
  bareTen();
}
const pairs = [];
for (let index = 0; index < 150; index++) pairs.push([await engineTen(), bareTen()]);
const tenRatio = median(pairs.map(([engineMs, bareMs]) => engineMs / bareMs));

const run = await engine.start(manySteps, 5_000);
if ((await run.result()) !== 5_000) throw new Error("wrong result");
const gap = (from, to) => (stepTimes[to] - stepTimes[from]) / (to - from);
const firstMs = gap(0, 499);
const lastMs = gap(4_500, 4_999);

// Cold resume: the worker stops while the last of 5,000 steps runs; a new engine takes the run up.
crashAt = 4_999;
stepTimes.length = 0;
await engine.start(manySteps, 5_000, { id: "cold" });
while (stepTimes.length < 5_000) await new Promise((resolve) => setTimeout(resolve, 20));
await worker.stop({ drain: false });
await engine.close();
crashAt = Infinity;
engine = createEngine({ store: `sqlite:${path}` });
await engine.open();
const coldAt = performance.now();
worker = await engine.work();
const cold = engine.run("cold");
await cold.result();
const coldMs = resumedAt - coldAt;
await engine.close();

report([
  {
    name: "10 sequential steps alone, start to result, ms p50 (engine)",
    value: median(pairs.map(([ms]) => ms)).toFixed(2),
  },
  {
    name: "p95",
    value: percentile(
      pairs.map(([ms]) => ms),
      0.95,
    ).toFixed(2),
  },
  {
    name: "eleven bare commits after a creation, ms p50",
    value: median(pairs.map(([, ms]) => ms)).toFixed(2),
  },
  {
    name: "10 sequential steps to eleven bare commits",
    value: tenRatio.toFixed(2),
    goal: "<= 1.60",
    met: tenRatio <= 1.6,
  },
  { name: "5,000 steps: ms a step", value: gap(0, 4_999).toFixed(3) },
  {
    name: "5,000 steps: last 500 to first 500",
    value: (lastMs / firstMs).toFixed(2),
    goal: "<= 1.20",
    met: lastMs / firstMs <= 1.2,
  },
  {
    name: "cold resume of that run, ms to the next step",
    value: coldMs.toFixed(0),
    goal: "< 150",
    met: coldMs < 150,
  },
]);
