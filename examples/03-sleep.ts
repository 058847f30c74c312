/**
 * A workflow may sleep for a second or for a year. Meanwhile it is a row with a due time: no process, timer or
 * connection is held, and the worker that it wakes up in may be another one.
 *
 *   npx tsx examples/03-sleep.ts
 */
import { createEngine, describeWaiting, now, sleep, step, workflow } from "perdure";

const engine = createEngine({ store: "memory:" });

const send = step("send", async (subject: string) => console.log(`mail: ${subject}`));

const trial = workflow("trial", async (trialLength: string) => {
  const startedAt = now(); // the store's time, the same in every replay
  await send("welcome");
  await sleep(trialLength);
  await send("your trial has ended");
  return now() - startedAt;
});

let worker = await engine.work();
const run = await engine.start(trial, "400ms");

while ((await run.status()) !== "suspended") await new Promise((resolve) => setTimeout(resolve, 10));
const { waitingFor } = await run.info();
console.log(
  `the run is ${await run.status()}: ${describeWaiting(waitingFor!).replace(/until .*/, "until its time comes")}`,
);

await worker.stop();
console.log("the worker has gone home");
worker = await engine.work();
console.log("another one has come");

const sleptMs = await run.result();
console.log(`it slept for at least 400 ms: ${sleptMs >= 400}`);
await engine.close();
