import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { PerdureError } from "../errors.ts";
import { decodeCursor, encodeCursor } from "./page.ts";

test("a cursor gives its position back, and is safe in a URL", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.string({ unit: "grapheme" }), (createdAt, id) => {
      const cursor = encodeCursor({ createdAt, id });
      assert.match(cursor, /^[A-Za-z0-9_-]+$/);
      assert.deepEqual(decodeCursor(cursor), { createdAt, id });
    }),
  );
});

test("different positions have different cursors", () => {
  const position = fc.record({ createdAt: fc.nat({ max: 3 }), id: fc.string({ maxLength: 2 }) });
  fc.assert(
    fc.property(position, position, (a, b) => {
      const isSame = a.createdAt === b.createdAt && a.id === b.id;
      assert.equal(encodeCursor(a) === encodeCursor(b), isSame);
    }),
  );
});

test("anything that no list gave out is INVALID_CURSOR", () => {
  const json = fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString("base64url"));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), json), (text) => {
      try {
        const { createdAt, id } = decodeCursor(text);
        assert.ok(Number.isSafeInteger(createdAt) && typeof id === "string");
      } catch (error) {
        assert.ok(error instanceof PerdureError && error.code === "INVALID_CURSOR", String(error));
      }
    }),
    { numRuns: 500 },
  );
});
