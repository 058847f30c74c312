import assert from "node:assert/strict";
import { expect, test } from "vitest";
import { createStepSpec } from "../workflow/step-spec.ts";
import { Operation } from "./operation.ts";

const spec = createStepSpec("s", {}, () => 1);
const stepOperation = (): Operation => new Operation(1, { kind: "step", name: "s", spec, args: [] }, null);
const timerOperation = (): Operation =>
  new Operation(1, { kind: "timer", name: "sleep", when: { afterMs: 5 } }, null);
const started = (attempt: number) => ({
  type: "step.started" as const,
  at: 10 * attempt,
  op: 1,
  name: "s",
  attempt,
  payload: attempt === 1 ? "[1]" : null,
});

test("a step is open from its start to its outcome, and remembers its first start and its arguments", () => {
  const operation = stepOperation();
  expect(operation.state).toBe("new");
  operation.note(started(1));
  operation.note({ type: "step.failed", at: 11, op: 1, attempt: 1, retryAt: 20, payload: "{}" });
  expect([operation.state, operation.retryAt, operation.attempt]).toEqual(["open", 20, 1]);
  operation.note(started(2));
  expect([operation.state, operation.retryAt, operation.attempt]).toEqual(["open", null, 2]);
  expect([operation.startedAt, operation.argsText]).toEqual([10, "[1]"]);
  operation.note({ type: "step.completed", at: 21, op: 1, payload: "1" });
  expect(operation.state).toBe("settled");
});

test("a failure without another attempt settles a step, as an abandonment does", () => {
  for (const end of [
    { type: "step.failed" as const, at: 1, op: 1, attempt: 1, payload: "{}" },
    { type: "step.abandoned" as const, at: 1, op: 1 },
  ]) {
    const operation = stepOperation();
    operation.note(started(1));
    operation.note(end);
    expect(operation.state).toBe("settled");
  }
});

test("an attempt that was handed back does not count, and is due at once", () => {
  const operation = stepOperation();
  operation.note(started(1));
  operation.note({ type: "step.handed-back", at: 12, op: 1 });
  expect([operation.state, operation.attempt, operation.retryAt]).toEqual(["open", 0, 12]);
  operation.note(started(1));
  expect([operation.attempt, operation.retryAt, operation.argsText]).toEqual([1, null, "[1]"]);
});

test("a timer is open until it has fired", () => {
  const operation = timerOperation();
  operation.note({ type: "timer.started", at: 3, op: 1, name: "sleep", dueAt: 8 });
  expect([operation.state, operation.dueAt, operation.startedAt]).toEqual(["open", 8, 3]);
  operation.note({ type: "timer.fired", at: 9, op: 1, dueAt: 8 });
  expect(operation.state).toBe("settled");
});

test("it knows whether anybody awaits it, by whatever means", async () => {
  const ways: ((promise: Promise<unknown>) => unknown)[] = [
    (promise) => promise.then(() => 1),
    (promise) => promise.catch(() => 1),
    (promise) => promise.finally(() => 1),
    (promise) => Promise.all([promise]),
    (promise) => Promise.race([promise]),
    (promise) => Promise.allSettled([promise]),
    (promise) => (async () => promise)(),
  ];
  for (const [index, observe] of ways.entries()) {
    const operation = stepOperation();
    expect(operation.isAwaited).toBe(false);
    const observed = observe(operation.promise);
    await Promise.resolve();
    assert.equal(operation.isAwaited, true, `way ${index}`);
    operation.resolve(1);
    await observed;
  }
});

test("its promise is an ordinary one to code: chains of it do not claim to be durable", () => {
  const { promise } = stepOperation();
  expect(promise).toBeInstanceOf(Promise);
  expect(promise.then(() => 1).constructor).toBe(Promise);
});

test("it settles once: what comes second is not seen", async () => {
  const operation = stepOperation();
  operation.resolve("first");
  operation.resolve("second");
  operation.reject(new Error("third"));
  expect(await operation.promise).toBe("first");
});
