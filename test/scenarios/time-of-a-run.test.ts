import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "vitest";
import { createEngine, now, sleep, step, stepInfo, workflow, type Engine } from "perdure";

let engine: Engine;

beforeEach(() => {
  engine = createEngine({ store: "memory:" });
});
afterEach(() => engine.close({ drain: false }));

test("what a run first asks for is timed from when it began, not from when it was created", async () => {
  const timely = step("timely", { deadline: "150ms" }, async () => "in time");
  const late = workflow("late beginner", async () => {
    const beganAt = now();
    const [result] = await Promise.all([timely(), sleep("10ms")]);
    return [beganAt, result];
  });
  await engine.work({ workflows: [late] });
  const run = await engine.start(late, undefined, { delay: "200ms" });
  const [beganAt, result] = await run.result({ timeout: "5s" });
  assert.equal(result, "in time");
  const history = await run.history();
  const [created, started] = history;
  assert.ok(Number(beganAt) >= created!.at + 200, "it began when it was due");
  assert.equal(started!.type, "step.started");
  assert.equal(
    started!.at,
    beganAt,
    "its first step has the time that the code saw, which replay gives again",
  );
  const fired = history.find(({ type }) => type === "timer.fired");
  assert.ok(fired!.at >= Number(beganAt) + 10, "a sleep is not shorter for having waited before");
});

test("a run whose deadline passes in a step has failed for that, whatever its code would catch", async () => {
  let aborted: unknown;
  const slow = step("slow", async () => {
    const { signal } = stepInfo();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    aborted = signal.reason;
  });
  const overdue = workflow("overdue", { deadline: "80ms" }, async () => {
    try {
      await slow();
    } catch {
      return "went on";
    }
    return "ended";
  });
  await engine.work({ workflows: [overdue] });
  const run = await engine.start(overdue);
  await assert.rejects(run.result({ timeout: "5s" }), /DEADLINE_EXCEEDED/);
  assert.ok(aborted instanceof Error, "the attempt was told");
});
