import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { PerdureError } from "../errors.ts";
import { parseDuration, parseWhen, resolveWhen } from "./duration.ts";

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const unit = fc.constantFrom(...(Object.keys(unitMs) as (keyof typeof unitMs)[]));
const hundredYearsMs = 36_525 * unitMs.d;

function refused(value: unknown): void {
  assert.throws(
    () => parseDuration(value as never, "the wait"),
    (error: unknown) =>
      error instanceof PerdureError &&
      error.code === "INVALID_DURATION" &&
      error.message.includes("the wait was given"),
  );
}

test("one number and one unit give its milliseconds", () => {
  fc.assert(
    fc.property(fc.nat({ max: 5_000 }), unit, fc.constantFrom("", " ", "   "), (amount, name, blank) => {
      assert.equal(parseDuration(` ${amount}${blank}${name} `, "x"), amount * unitMs[name]);
    }),
  );
});

test("decimals are allowed and round up, so that nothing is due early", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 1_000 }),
      fc.integer({ min: 0, max: 999 }),
      unit,
      (whole, thousandths, name) => {
        const amount = `${whole}.${String(thousandths).padStart(3, "0")}`;
        const ms = parseDuration(`${amount}${name}`, "x");
        assert.ok(Number.isSafeInteger(ms));
        const exact = Number(amount) * unitMs[name];
        assert.ok(ms >= exact && ms < exact + 1);
      },
    ),
  );
  expect(parseDuration("1.5h", "x")).toBe(5_400_000);
  expect(parseDuration(0.2, "x")).toBe(1);
});

test("milliseconds are taken up to a hundred years, which no timer holds", () => {
  for (const ms of [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 30 * unitMs.d, 400 * unitMs.d, hundredYearsMs]) {
    expect(parseDuration(ms, "x")).toBe(ms);
  }
  for (const ms of [hundredYearsMs + 1, 2 ** 53, Infinity, -Infinity, NaN, -1, -0.5]) refused(ms);
});

test("anything else is refused, and what was given is told", () => {
  for (const value of [
    "",
    " ",
    "5",
    "s",
    "-1s",
    "+1s",
    "1h30m",
    "1 hour",
    "1e3ms",
    "0x10s",
    "1,5s",
    ".5s",
    "5.s",
    "Infinityd",
    "NaNs",
    "1S",
    "１s",
    null,
    undefined,
    {},
    [],
    true,
    5n,
    new Date(),
  ]) {
    if (typeof value !== "bigint") refused(value);
  }
});

test("no text whatever gives anything but a whole number or a refusal", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[\d.]*(ms|s|m|h|d|w)?$/)), (text) => {
      try {
        const ms = parseDuration(text, "x");
        assert.ok(Number.isSafeInteger(ms) && ms >= 0 && ms <= hundredYearsMs);
      } catch (error) {
        assert.ok(error instanceof PerdureError && error.code === "INVALID_DURATION");
      }
    }),
    { numRuns: 500 },
  );
});

test("a date is a moment, a duration is counted from now, and an invalid date is refused", () => {
  fc.assert(
    fc.property(fc.date({ noInvalidDate: true }), fc.nat(), (date, now) => {
      assert.equal(resolveWhen(parseWhen(date, "x"), now), date.getTime());
      assert.equal(resolveWhen(parseWhen("1m", "x"), now), now + 60_000);
    }),
  );
  assert.throws(() => parseWhen(new Date(NaN), "x"), { code: "INVALID_DURATION" });
});
