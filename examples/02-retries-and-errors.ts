/**
 * Steps that throw are tried again, as often and as patiently as their policy says. A `FatalError` is not, and a
 * `RetryableError` names its own delay. What a step throws in the end reaches the workflow, where try and catch
 * do what they always do.
 *
 *   npx tsx examples/02-retries-and-errors.ts
 */
import { createEngine, FatalError, RetryableError, RunFailedError, step, stepInfo, workflow } from "perdure";

const engine = createEngine({ store: "memory:" });

const askTheOracle = step("ask-the-oracle", { retry: { maxAttempts: 5, initialDelay: "20ms" } }, async () => {
  const { attempt } = stepInfo();
  console.log(`oracle: attempt ${attempt}`);
  if (attempt === 1) throw new Error("the line was busy");
  if (attempt === 2) throw new RetryableError("come back later", { after: "100ms" });
  return "know thyself";
});

const withdraw = step("withdraw", async (cents: number) => {
  if (cents > 10_000) throw new FatalError(`the account does not have ${cents} cents`);
  return cents;
});

const visit = workflow("visit", async (cents: number) => {
  let fee: number;
  try {
    fee = await withdraw(cents);
  } catch (error) {
    console.log(`no money: ${(error as Error).message}`);
    fee = await withdraw(1_000);
  }
  return { fee, advice: await askTheOracle() };
});

const sacrilege = workflow("sacrilege", async () => {
  await step.run("break-in", { retry: { maxAttempts: 2, initialDelay: "20ms" } }, () => {
    throw new TypeError("the door is locked");
  });
});

await engine.work();

const run = await engine.start(visit, 50_000);
console.log("result:", await run.result());

const failed = await engine.start(sacrilege);
try {
  await failed.result();
} catch (error) {
  if (!(error instanceof RunFailedError)) throw error;
  console.log(`failed: ${(error.cause as Error).name}, ${(error.cause as Error).message}`);
  console.log(
    `kept for later: the run is ${await failed.status()}, and run.retry() would go on from that step`,
  );
}
await engine.close();
