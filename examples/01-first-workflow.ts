/**
 * A workflow is an async function that calls steps. Each step's result is recorded: a process that dies in
 * between goes on after the last one that is.
 *
 *   npx tsx examples/01-first-workflow.ts
 */
import { start, step, workflow } from "perdure";

const brew = step("brew", async (drink: string) => {
  console.log(`brewing ${drink}`);
  return { drink, degrees: 82 };
});

const serve = step("serve", async (name: string, cup: { drink: string; degrees: number }) => {
  console.log(`serving ${name} at ${cup.degrees} degrees`);
  return `${cup.drink} for ${name}`;
});

const order = workflow("order", async (input: { name: string; drink: string }) => {
  const cup = await brew(input.drink);
  return serve(input.name, cup);
});

// Without further ado runs are kept in ./.perdure/perdure.db, and this process works on them.
const run = await start(order, { name: "Ada", drink: "tea" });
console.log(`result: ${await run.result()}`);

console.log("recorded:");
for (const event of await run.history()) console.log(`  ${event.seq} ${event.type}`);
