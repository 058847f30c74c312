import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createRunId, createToken, isRunId } from "./id.ts";

const bytes = (size: number): Uint8Array => randomBytes(size);

test("a run's id is a UUIDv7 of its moment, and may be one", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 2 ** 31 }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      (seconds, part) => {
        const nowMs = seconds * 1_000 + part;
        const id = createRunId(nowMs, bytes);
        assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        assert.equal(parseInt(id.slice(0, 8) + id.slice(9, 13), 16), Math.floor(nowMs));
        assert.ok(isRunId(id));
      },
    ),
  );
});

test("ids of later moments order after those of earlier ones, as text", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (a, b) => {
      const [early, late] = [Math.abs(a) % 2 ** 47, Math.abs(b) % 2 ** 47].sort((x, y) => x - y) as [
        number,
        number,
      ];
      fc.pre(early < late);
      assert.ok(createRunId(early, bytes) < createRunId(late, bytes));
    }),
  );
});

test("a clock before 1970, or beyond the field, still gives an id", () => {
  for (const ms of [-1, -1e15, 2 ** 48, 2 ** 53]) expect(isRunId(createRunId(ms, bytes))).toBe(true);
});

test("every bit of the entropy reaches a token, and ten thousand of one moment differ", () => {
  expect(createToken("w_", () => new Uint8Array(16).fill(255))).toBe(`w_${"_".repeat(21)}w`);
  expect(new Set(Array.from({ length: 10_000 }, () => createToken("", bytes))).size).toBe(10_000);
  expect(new Set(Array.from({ length: 10_000 }, () => createRunId(0, bytes))).size).toBe(10_000);
});

test("an id is printable ASCII without blanks or quotes, begins with a letter or digit, and has at most 200 characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 210 }), (text) => {
      const allowed = Array.from(text).every((character) => /[A-Za-z0-9._:@/+~-]/.test(character));
      const expected = text.length >= 1 && text.length <= 200 && /^[A-Za-z0-9]/.test(text) && allowed;
      assert.equal(isRunId(text), expected);
    }),
  );
  expect(isRunId("a".repeat(200))).toBe(true);
  expect(isRunId("a".repeat(201))).toBe(false);
  expect(isRunId("a\n")).toBe(false);
});
