import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { PerdureError } from "../errors.ts";
import { resolveRetry, retryDelayMs, type RetryPolicy } from "./retry.ts";

const hundredYearsMs = 36_525 * 86_400_000;

const policy: fc.Arbitrary<RetryPolicy> = fc.record({
  maxAttempts: fc.oneof(fc.integer({ min: 1 }), fc.constant(Infinity)),
  backoff: fc.constantFrom("exponential", "linear", "fixed"),
  initialDelayMs: fc.oneof(fc.nat(), fc.constantFrom(0, 1, 2 ** 31, hundredYearsMs)),
  factor: fc.oneof(fc.double({ min: 1, max: 100, noNaN: true }), fc.constantFrom(1, 2, Number.MAX_VALUE)),
  maxDelayMs: fc.oneof(fc.nat(), fc.constantFrom(0, 1, 2 ** 31 - 1, 2 ** 31, hundredYearsMs)),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});
const attempt = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  fc.constantFrom(1_023, 1_024, 1_025, 2 ** 31, 2 ** 53 - 1, 2 ** 53),
);
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("a delay is a whole number of milliseconds from 0 to the longest, at any attempt", () => {
  fc.assert(
    fc.property(policy, attempt, random, (retry, number, fraction) => {
      const delay = retryDelayMs(retry, number, fraction);
      assert.ok(Number.isSafeInteger(delay) && delay >= 0, String(delay));
      assert.ok(delay <= Math.ceil(retry.maxDelayMs));
    }),
    { numRuns: 1_000 },
  );
});

test("without jitter a later attempt never waits less", () => {
  fc.assert(
    fc.property(policy, attempt, attempt, (retry, a, b) => {
      const plain = { ...retry, jitter: 0 };
      assert.ok(retryDelayMs(plain, Math.min(a, b), 0) <= retryDelayMs(plain, Math.max(a, b), 0));
    }),
    { numRuns: 500 },
  );
});

test("jitter takes away its part at the most, and nothing at the least", () => {
  fc.assert(
    fc.property(policy, attempt, random, (retry, number, fraction) => {
      const full = retryDelayMs({ ...retry, jitter: 0 }, number, 0);
      const delay = retryDelayMs(retry, number, fraction);
      assert.ok(delay <= full);
      assert.ok(delay >= Math.floor(full * (1 - retry.jitter)), `${delay} of ${full}`);
    }),
    { numRuns: 500 },
  );
});

test("the delays are those of the documentation", () => {
  const delays = (options: Parameters<typeof resolveRetry>[0]): number[] =>
    [1, 2, 3, 4].map((number) => retryDelayMs(resolveRetry({ jitter: false, ...options }, "x"), number, 0.5));
  expect(delays({})).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(delays({ factor: 10 })).toEqual([1_000, 10_000, 60_000, 60_000]);
  expect(delays({ backoff: "linear", initialDelay: "2s" })).toEqual([2_000, 4_000, 6_000, 8_000]);
  expect(delays({ backoff: "fixed", initialDelay: "7s" })).toEqual([7_000, 7_000, 7_000, 7_000]);
  expect(delays({ initialDelay: 0 })).toEqual([0, 0, 0, 0]);
  expect(retryDelayMs(resolveRetry({ jitter: true }, "x"), 1, 0.75)).toBe(250);
  expect(retryDelayMs(resolveRetry({}, "x"), 1, 0.5)).toBe(900);
});

test("options of any kind give a policy or a PerdureError that names the owner", () => {
  const anyNumber = fc.oneof(
    fc.double(),
    fc.integer(),
    fc.constantFrom(NaN, Infinity, -Infinity, -0, 2 ** 53),
  );
  fc.assert(
    fc.property(
      fc.record(
        {
          maxAttempts: anyNumber,
          factor: anyNumber,
          jitter: fc.oneof(anyNumber, fc.boolean()),
          initialDelay: fc.oneof(anyNumber, fc.string()),
          maxDelay: anyNumber,
        },
        { requiredKeys: [] },
      ),
      (options) => {
        try {
          const resolved = resolveRetry(options, 'step "charge"');
          assert.ok(
            resolved.maxAttempts >= 1 && resolved.factor >= 1 && resolved.jitter >= 0 && resolved.jitter <= 1,
          );
          const delay = retryDelayMs(resolved, 5, 0.5);
          assert.ok(delay >= 0 && delay <= resolved.maxDelayMs);
        } catch (error) {
          assert.ok(error instanceof PerdureError, String(error));
          assert.ok(["INVALID_OPTION", "INVALID_DURATION"].includes(error.code));
          assert.ok(error.message.includes('step "charge"'));
        }
      },
    ),
    { numRuns: 500 },
  );
});
