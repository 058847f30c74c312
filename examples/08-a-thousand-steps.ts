/**
 * A loop of a thousand steps, on SQLite with full durability. What a step costs does not grow with the history
 * before it.
 *
 *   npx tsx examples/08-a-thousand-steps.ts
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEngine, step, workflow } from "perdure";

const folder = mkdtempSync(join(tmpdir(), "perdure-example-"));
const engine = createEngine({ store: `sqlite:${join(folder, "perdure.db")}` });

const stepsAt: number[] = [];

const add = step("add", async (total: number, number: number) => {
  stepsAt.push(performance.now());
  return total + number;
});

const sumUp = workflow("sum-up", async (count: number) => {
  let total = 0;
  for (let number = 1; number <= count; number++) total = await add(total, number);
  return total;
});

await engine.work();
const run = await engine.start(sumUp, 1_000);
console.log(`the sum of 1 to 1000 is ${await run.result()}`);

const perStep = (from: number, to: number): string =>
  `${((stepsAt[to]! - stepsAt[from]!) / (to - from)).toFixed(2)} ms`;
console.log(`the first 100 steps took ${perStep(0, 100)} each, the last 100 ${perStep(899, 999)}`);
console.log(`${(await run.history()).length} events are on disk`);
await engine.close();
rmSync(folder, { recursive: true });
