/**
 * Three ways to not wait forever: a race against a sleep, a timeout for each attempt of a step, and a deadline
 * for a whole run.
 *
 *   npx tsx examples/05-races-and-timeouts.ts
 */
import { setTimeout as delay } from "node:timers/promises";
import { createEngine, RunFailedError, sleep, step, stepInfo, workflow } from "perdure";

const engine = createEngine({ store: "memory:" });

const askCourier = step("ask-courier", async (name: string, answersAfterMs: number) => {
  await delay(answersAfterMs, null, { signal: stepInfo().signal }).catch(() =>
    console.log(`${name} is no longer needed`),
  );
  return name;
});

const findCourier = workflow("find-courier", async (patience: string) => {
  const winner = await Promise.race([
    askCourier("Hermes", 150),
    askCourier("Iris", 50),
    sleep(patience).then(() => "nobody"),
  ]);
  return `${winner} takes it`;
});

const fetchTracking = step(
  "fetch-tracking",
  { timeout: "50ms", retry: { maxAttempts: 3, initialDelay: "10ms" } },
  async () => {
    const { attempt, signal } = stepInfo();
    // The signal ends what an attempt has begun when its time is over. Pass it to fetch.
    await delay(attempt < 3 ? 5_000 : 5, null, { signal });
    return `tracked, at attempt ${attempt}`;
  },
);

const track = workflow("track", () => fetchTracking());

const waitForReply = workflow("wait-for-reply", { deadline: "100ms" }, () => sleep("7d"));

await engine.work();
console.log(await (await engine.start(findCourier, "1s")).result());
console.log(await (await engine.start(findCourier, "10ms")).result());
console.log(await (await engine.start(track)).result());
try {
  await (await engine.start(waitForReply)).result();
} catch (error) {
  console.log(
    `too late: ${error instanceof RunFailedError ? (error.cause as { code?: string }).code : String(error)}`,
  );
}
await engine.close();
