import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeText, encodeText } from "./text.ts";

const hostile = fc.string({
  unit: fc.constantFrom("\0", "\u0001", "0", "u", "d800", "\ud800", "\udc00", "é", "a"),
});

test("every text comes back as it was, and SQLite gets none that it would change", () => {
  fc.assert(
    fc.property(fc.oneof(hostile, fc.string({ unit: "binary" })), (text) => {
      const encoded = encodeText(text);
      expect(decodeText(encoded)).toBe(text);
      expect(encoded).not.toContain("\0");
      expect(Buffer.from(encoded).toString()).toBe(encoded);
    }),
  );
});

test("two texts never become one", () => {
  fc.assert(
    fc.property(hostile, hostile, (left, right) => {
      expect(encodeText(left) === encodeText(right)).toBe(left === right);
    }),
  );
});

test("an ordinary text is stored as it is", () => {
  expect(encodeText('{"name":"Zoë 👩‍👩‍👧"}')).toBe('{"name":"Zoë 👩‍👩‍👧"}');
});
