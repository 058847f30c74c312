import { expect, test, vi } from "vitest";
import * as errors from "./errors.ts";

const { CancelledError, FatalError, PerdureError, RetryableError, TimeoutError } = errors;

test("an error of another copy of the package is recognized by its kind", async () => {
  vi.resetModules();
  const copy: typeof errors = await import("./errors.ts");
  expect(copy.FatalError).not.toBe(FatalError);
  expect(new copy.FatalError("no") instanceof FatalError).toBe(true);
  expect(new copy.PerdureError("STORE_FULL", "no") instanceof PerdureError).toBe(true);
  expect(new copy.FatalError("no") instanceof RetryableError).toBe(false);
});

test("kinds do not stand for each other, and other values have none", () => {
  expect(new TimeoutError("late") instanceof CancelledError).toBe(false);
  for (const value of [null, undefined, "FatalError", { name: "FatalError" }, new Error("FatalError")]) {
    expect(value instanceof FatalError).toBe(false);
  }
});

test("a user's subclass is its own class, and still of our kind", () => {
  class CardDeclined extends FatalError {}
  expect(new CardDeclined("no") instanceof FatalError).toBe(true);
  expect(new CardDeclined("no") instanceof CardDeclined).toBe(true);
  expect(new FatalError("no") instanceof CardDeclined).toBe(false);
});

test("a message begins with its code", () => {
  expect(new PerdureError("STORE_FULL", "There is no space.").message).toBe("STORE_FULL: There is no space.");
});
