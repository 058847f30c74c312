/** 200 parallel steps in one run. Engine time is what is left after the same commits, made bare. */
import { join } from "node:path";
import { createEngine, step, workflow } from "perdure";
import { createBareWriter, median, openBare, report, temporaryFolder } from "./bare-loop.mjs";

const width = 200;
const folder = temporaryFolder();
const add = step("add", async (value) => value + 1);
const parallel = workflow("parallel", async () => {
  const results = await Promise.all(Array.from({ length: width }, (_, index) => add(index)));
  return results.length;
});

const engine = createEngine({ store: `sqlite:${join(folder, "engine.db")}` });
await engine.work();
const writer = createBareWriter(await openBare(join(folder, "bare.db")));

async function engineRun() {
  const begin = performance.now();
  const run = await engine.start(parallel);
  if ((await run.result()) !== width) throw new Error("wrong result");
  return performance.now() - begin;
}

/** Creation, one commit with all starts, one with all results and the end. */
function bareRun() {
  const begin = performance.now();
  const number = writer.transaction(() => writer.create("parallel", "~"));
  writer.transaction(() => {
    writer.own(number, width + 2);
    for (let op = 1; op <= width; op++) writer.event(number, op + 1, "step.started", op, "add", `[${op}]`);
  });
  writer.transaction(() => {
    writer.end(number, 2 * width + 3, 2);
    for (let op = 1; op <= width; op++)
      writer.event(number, width + op + 1, "step.completed", op, null, String(op));
    writer.event(number, 2 * width + 2, "run.completed", null, null, String(width));
  });
  return performance.now() - begin;
}

for (let index = 0; index < 30; index++) {
  await engineRun();
  bareRun();
}
const pairs = [];
for (let index = 0; index < 60; index++) pairs.push([await engineRun(), bareRun()]);
await engine.close();
const engineMs = median(pairs.map(([ms]) => ms));
const bareMs = median(pairs.map(([, ms]) => ms));
const ownMs = median(pairs.map(([a, b]) => a - b));
report([
  { name: "200 parallel steps, start to result, ms p50", value: engineMs.toFixed(2) },
  { name: "the same rows written bare, ms p50", value: bareMs.toFixed(2) },
  { name: "engine time of 200 parallel steps, ms", value: ownMs.toFixed(2), goal: "< 5", met: ownMs < 5 },
]);
