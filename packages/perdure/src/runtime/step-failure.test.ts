import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FatalError, PerdureError, RetryableError, TimeoutError } from "../errors.ts";
import { retryDelayMs } from "../model/retry.ts";
import { createStepSpec, type StepOptions } from "../workflow/step-spec.ts";
import { decideFailure } from "./step-failure.ts";

function decide(
  error: unknown,
  options: { step?: StepOptions; attempt?: number; deadlineAt?: number | null } = {},
): ReturnType<typeof decideFailure> {
  const spec = createStepSpec("s", { retry: { jitter: false }, ...options.step }, () => 1);
  return decideFailure({
    spec,
    error,
    attempt: options.attempt ?? 1,
    now: 1_000,
    deadlineAt: options.deadlineAt ?? null,
    random: 0,
  });
}

test("there is another attempt exactly while the policy has one, at the policy's time", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 12 }), (maxAttempts, attempt) => {
      const error = new Error("x");
      const decision = decide(error, { step: { retry: { maxAttempts, jitter: false } }, attempt });
      if (attempt >= maxAttempts) assert.deepEqual(decision, { error });
      else {
        const { retry } = createStepSpec("s", { retry: { maxAttempts, jitter: false } }, () => 1);
        assert.deepEqual(decision, { retryAt: 1_000 + retryDelayMs(retry, attempt, 0) });
      }
    }),
  );
});

test("a fatal failure, and a misuse of ours, are final; trouble of a store is not", () => {
  for (const error of [
    new FatalError("f"),
    new PerdureError("UNSTORABLE_VALUE", "u"),
    new PerdureError("INSIDE_STEP", "i"),
  ]) {
    expect(decide(error)).toEqual({ error });
  }
  expect(decide(new PerdureError("STORE_LOCKED", "l"))).toEqual({ retryAt: 2_000 });
});

test("a RetryableError chooses its time, never before now, and counts as an attempt", () => {
  expect(decide(new RetryableError("r", { after: "1m" }))).toEqual({ retryAt: 61_000 });
  expect(decide(new RetryableError("r", { after: new Date(5_000) }))).toEqual({ retryAt: 5_000 });
  expect(decide(new RetryableError("r", { after: new Date(0) }))).toEqual({ retryAt: 1_000 });
  expect(decide(new RetryableError("r", { after: "soon" }))).toEqual({ retryAt: 2_000 });
  const last = new RetryableError("r", { after: "1m" });
  expect(decide(last, { attempt: 4 })).toEqual({ error: last });
});

test("an attempt that could not begin before the deadline is not waited for, and the last failure is told", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), (deadlineAt) => {
      const failure = new Error("down");
      const decision = decide(failure, { deadlineAt });
      if (deadlineAt > 2_000) assert.deepEqual(decision, { retryAt: 2_000 });
      else {
        assert.ok("error" in decision && decision.error instanceof TimeoutError);
        assert.equal(decision.error.cause, failure);
        assert.match(decision.error.message, /Attempt 1 failed: down/);
      }
    }),
  );
});

test("retryIf decides what the policy leaves open; one that throws has said nothing", () => {
  const no = new Error("no");
  const retryIf = (error: unknown): boolean => (error as Error).message !== "no";
  expect(decide(no, { step: { retry: { retryIf } } })).toEqual({ error: no });
  expect("retryAt" in decide(new Error("yes"), { step: { retry: { retryIf } } })).toBe(true);
  const broken = (): boolean => {
    throw new Error("broken");
  };
  expect("retryAt" in decide(no, { step: { retry: { retryIf: broken } } })).toBe(true);
  let asked = 0;
  decide(new FatalError("f"), { step: { retry: { retryIf: () => ++asked > 0 } } });
  expect(asked).toBe(0);
});
