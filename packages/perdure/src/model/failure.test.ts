import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  CancelledError,
  FatalError,
  OutcomeUnknownError,
  PerdureError,
  RetryableError,
  RunFailedError,
  TimeoutError,
  TooManyFailuresError,
} from "../errors.ts";
import { decodeFailure, encodeFailure, errorFromFailure, failureFromError } from "./failure.ts";

const roundTrip = (thrown: unknown): unknown => errorFromFailure(decodeFailure(encodeFailure(thrown)));

test("an error keeps name, message, stack and own fields", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.string({ unit: "binary", maxLength: 50 }),
      fc.jsonValue(),
      (message, name, detail) => {
        const error = Object.assign(new Error(message), { name, detail });
        const back = roundTrip(error) as typeof error;
        assert.ok(back instanceof Error);
        assert.deepEqual([back.message, back.name, back.stack], [error.message, error.name, error.stack]);
        assert.deepEqual(back.detail, JSON.parse(JSON.stringify(detail)));
      },
    ),
  );
});

test("anything that can be thrown is recorded, and what JSON carries comes back as it was", () => {
  fc.assert(
    fc.property(
      fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true }),
      (thrown) => {
        const text = encodeFailure(thrown);
        assert.equal(Buffer.from(text).toString(), text);
        roundTrip(thrown);
      },
    ),
  );
  fc.assert(
    fc.property(fc.jsonValue(), (thrown) => {
      // JSON has no negative zero.
      assert.deepEqual(roundTrip(thrown), JSON.parse(JSON.stringify(thrown)));
    }),
  );
});

test("errors of Perdure and of the language come back as their class", () => {
  const errors = [
    new FatalError("f"),
    new RetryableError("r", { after: "5s" }),
    new TimeoutError("t"),
    new OutcomeUnknownError("o"),
    new TooManyFailuresError("m", [new TypeError("inner")]),
    new CancelledError("c", { code: "TERMINATED" }),
    new PerdureError("STORE_FULL", "full"),
    new RunFailedError({ id: "r1", workflow: "w" }, new SyntaxError("cause")),
    new TypeError("t"),
    new RangeError("r"),
    new URIError("u"),
    new AggregateError([new Error("a"), "b"], "many"),
  ];
  for (const error of errors) {
    const back = roundTrip(error) as Error & { code?: string; errors?: unknown[]; after?: unknown };
    expect(back).toBeInstanceOf(error.constructor);
    expect([back.name, back.message, back.stack]).toEqual([error.name, error.message, error.stack]);
    if ("code" in error) expect(back.code).toBe(error.code);
    if ("after" in error) expect(back.after).toBe(error.after);
    if ("errors" in error) expect(back.errors!.length).toBe(error.errors.length);
  }
  const cause = (roundTrip(errors[7]) as Error).cause;
  expect(cause).toBeInstanceOf(SyntaxError);
});

test("a class that the process does not know comes back as an Error with its name", () => {
  class PaymentError extends Error {
    override readonly name = "PaymentError";
    readonly code = "card_declined";
  }
  const back = roundTrip(new PaymentError("declined")) as PaymentError;
  expect(back).toBeInstanceOf(Error);
  expect(back).not.toBeInstanceOf(PaymentError);
  expect([back.name, back.code]).toEqual(["PaymentError", "card_declined"]);
});

test("a chain of causes is kept for eight links, also when it is a circle", () => {
  const first = new Error("0");
  let last = first;
  for (let link = 1; link < 20; link++) {
    const next = new Error(String(link));
    last.cause = next;
    last = next;
  }
  let length = 0;
  for (let error: unknown = roundTrip(first); error instanceof Error; error = error.cause) length++;
  expect(length).toBe(9);
  const circle = new Error("circle");
  circle.cause = circle;
  expect(() => encodeFailure(circle)).not.toThrow();
});

test("a failure is bounded, however much was thrown", () => {
  const huge = "x".repeat(5_000_000);
  const error = Object.assign(new AggregateError(Array<Error>(1_000).fill(new Error(huge)), huge), {
    stack: huge,
    huge,
    name: huge,
  });
  error.cause = new AggregateError(Array<Error>(1_000).fill(new Error(huge)), huge);
  expect(encodeFailure(error).length).toBeLessThan(5_000_000);
  expect(failureFromError(error).message).toMatch(/… \(4983616 more characters\)$/);
  expect(encodeFailure(huge).length).toBeLessThan(50_000);
});

test("what cannot be read is left out, and the rest of the failure is kept", () => {
  const thrower = {
    enumerable: true,
    get(): never {
      throw new Error("trap");
    },
  };
  for (const field of ["detail", "stack", "cause", "errors", "name"]) {
    const error = Object.defineProperty(Object.assign(new Error("readable"), { kept: 1 }), field, thrower);
    const failure = failureFromError(error);
    expect([failure.message, failure.fields]).toEqual(["readable", { kept: 1 }]);
  }
  const { proxy, revoke } = Proxy.revocable(new Error("x"), {});
  revoke();
  expect(() => encodeFailure(proxy)).not.toThrow();
  expect(() => encodeFailure(Object.create(null))).not.toThrow();
  expect(() => encodeFailure({ toJSON: () => assert.fail("no") })).not.toThrow();
});

test("fields that JSON does not carry are left out, and cannot change a prototype", () => {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const error = Object.assign(new Error("e"), { circle, big: 1n, call: () => 1, kept: { a: 1 } });
  Object.defineProperty(error, "__proto__", { value: { isAdmin: true }, enumerable: true });
  const back = roundTrip(error) as Error & { isAdmin?: boolean };
  expect(Object.entries(back)).toEqual([["kept", { a: 1 }]]);
  expect(back.isAdmin).toBeUndefined();
});

test("text that is no failure is HISTORY_UNREADABLE", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      try {
        const failure = decodeFailure(text);
        assert.equal(typeof failure.message, "string");
      } catch (error) {
        assert.ok(error instanceof PerdureError && error.code === "HISTORY_UNREADABLE", String(error));
      }
    }),
  );
});
