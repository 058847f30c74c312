import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { PerdureError } from "../errors.ts";
import { defaultLimits } from "./limits.ts";
import { decodePayload, encodePayload } from "./payload.ts";

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "",
    "\u0000",
    "a\u0000b",
    "\ud800",
    "\udfff\ud800",
    "\u2028",
    "~",
    "~[1]",
    '"',
    "🎉",
    "\\u0000",
  ),
);
const key = fc.oneof(
  text,
  fc.constantFrom(
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "then",
    "length",
    "0",
    "-1",
    "toJSON",
  ),
);
const jsonLeaf = fc.oneof(
  text,
  fc.boolean(),
  fc.constant(null),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
);
const richLeaf = fc.oneof(
  jsonLeaf,
  fc.double(),
  fc.constantFrom<unknown>(undefined, NaN, -0, Infinity, -Infinity),
  fc.bigInt(),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array(),
  fc.float64Array({ noNaN: true }),
  fc.bigInt64Array(),
  fc.webUrl().map((url) => new URL(url)),
  fc.string().map((content) => Buffer.from(content)),
);

/** Own keys, also those that assignment would not make. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return object;
}

function treeOf(leaf: fc.Arbitrary<unknown>, isRich: boolean): fc.Arbitrary<unknown> {
  return fc.letrec((tie) => {
    const entries = fc.uniqueArray(fc.tuple(key, tie("value")), { selector: ([name]) => name, maxLength: 5 });
    const plain = [fc.array(tie("value"), { maxLength: 5 }), entries.map(objectOf)];
    const rich = [
      fc.sparseArray(tie("value"), { maxLength: 5 }),
      fc.uniqueArray(tie("value"), { maxLength: 5 }).map((items) => new Set(items)),
      fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map((pairs) => new Map(pairs)),
    ];
    return {
      value: fc.oneof({ maxDepth: 4 }, { arbitrary: leaf, weight: 3 }, ...plain, ...(isRich ? rich : [])),
    };
  })["value"];
}

const jsonValue = treeOf(jsonLeaf, false);
const richValue = treeOf(richLeaf, true);

function refusal(value: unknown, limits = defaultLimits): PerdureError {
  try {
    encodePayload(value, "The value", limits);
  } catch (error) {
    assert.ok(error instanceof PerdureError, String(error));
    return error;
  }
  return assert.fail("it was to be refused");
}

test("any JSON value is stored as its JSON, and reads back equal, whatever its keys and texts (peers 5.8/62)", () => {
  fc.assert(
    fc.property(jsonValue, (value) => {
      const stored = encodePayload(value, "The value");
      assert.equal(stored, JSON.stringify(value));
      assert.deepStrictEqual(decodePayload(stored), value);
    }),
  );
});

test("any value that is accepted reads back equal; what is not is refused with a code", () => {
  let accepted = 0;
  fc.assert(
    fc.property(richValue, (value) => {
      let stored: string;
      try {
        stored = encodePayload(value, "The value");
      } catch (error) {
        assert.ok(error instanceof PerdureError && error.code === "UNSTORABLE_VALUE", String(error));
        // The one thing in this domain that is refused.
        assert.match(error.message, /__proto__/);
        return;
      }
      accepted++;
      assert.deepStrictEqual(decodePayload(stored), value);
    }),
    { numRuns: 300 },
  );
  assert.ok(accepted > 200);
});

test("what is stored has neither a NUL nor half a character in it, so that every store keeps it", () => {
  fc.assert(
    fc.property(richValue, (value) => {
      let stored: string;
      try {
        stored = encodePayload(value, "The value");
      } catch {
        return;
      }
      assert.ok(!stored.includes("\u0000"));
      assert.equal(Buffer.from(stored).toString(), stored);
    }),
  );
});

test("encoding what was decoded gives the same text again", () => {
  fc.assert(
    fc.property(jsonValue, (value) => {
      const stored = encodePayload(value, "The value");
      assert.equal(encodePayload(decodePayload(stored), "The value"), stored);
    }),
  );
});

test("a decoded value shares nothing with the one that was encoded", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.integer(), { minLength: 1 }), { minLength: 1 }), (lists) => {
      const copy = decodePayload(encodePayload(lists, "The value")) as number[][];
      copy[0]!.push(7);
      assert.notEqual(copy[0]!.length, lists[0]!.length);
    }),
  );
});

test("a __proto__ key is data: it sets nobody's prototype", () => {
  const value: unknown = JSON.parse('{"__proto__":{"isAdmin":true},"a":1}');
  const back = decodePayload(encodePayload(value, "The value")) as { isAdmin?: boolean };
  expect(back.isAdmin).toBeUndefined();
  expect(Object.keys(back)).toEqual(["__proto__", "a"]);
  expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
});

test("an invalid Date stays invalid", () => {
  const back = decodePayload(encodePayload({ at: new Date(NaN) }, "The value")) as { at: Date };
  expect(back.at).toBeInstanceOf(Date);
  expect(back.at.getTime()).toBeNaN();
});

test("cycles, and a value that is met twice beside one, keep their shape", () => {
  const shared = { s: 1n };
  const value: Record<string, unknown> = { left: shared, right: shared };
  value["self"] = value;
  const back = decodePayload(encodePayload(value, "The value")) as Record<string, unknown>;
  expect(back["self"]).toBe(back);
  expect(back["left"]).toBe(back["right"]);
});

test("an array with millions of holes takes a few bytes", () => {
  const value = Object.assign([], { length: 10_000_000 });
  const stored = encodePayload(value, "The value");
  expect(stored.length).toBeLessThan(100);
  expect((decodePayload(stored) as unknown[]).length).toBe(10_000_000);
});

test("a Buffer comes back as a Buffer, and without the rest of its pool", () => {
  const pool = Buffer.from("a secret beside it");
  const stored = encodePayload({ part: pool.subarray(2, 8) }, "The value");
  expect(stored).not.toContain(Buffer.from("beside").toString("base64").slice(0, 6));
  const { part } = decodePayload(stored) as { part: Buffer };
  expect(Buffer.isBuffer(part)).toBe(true);
  expect(part.toString()).toBe("secret");
});

test("an error keeps name, message, stack, cause and own fields, at any depth of a value", () => {
  fc.assert(
    fc.property(
      text,
      text,
      fc.dictionary(
        fc
          .string({ minLength: 1 })
          .filter((name) => !["name", "message", "stack", "cause", "errors", "__proto__"].includes(name)),
        jsonValue,
        { maxKeys: 3 },
      ),
      (message, causeMessage, fields) => {
        const error = new RangeError(message, { cause: new Error(causeMessage) });
        for (const [name, value] of Object.entries(fields)) {
          Object.defineProperty(error, name, { value, enumerable: true, configurable: true, writable: true });
        }
        const [back] = [
          ...(decodePayload(encodePayload(new Set([{ deep: error }]), "The value")) as Set<{
            deep: RangeError;
          }>),
        ];
        assert.ok(back!.deep instanceof RangeError);
        assert.equal(back!.deep.message, message);
        assert.equal(back!.deep.stack, error.stack);
        assert.equal((back!.deep.cause as Error).message, causeMessage);
        assert.deepStrictEqual(Object.entries(back!.deep), Object.entries(error));
      },
    ),
  );
});

/** A path to walk down, and the text that tells of it. */
const path = fc.array(fc.oneof(fc.nat(3), fc.constantFrom("order", "lines", "x1")), {
  minLength: 1,
  maxLength: 6,
});

function wrap(inner: unknown, steps: readonly (number | string)[]): unknown {
  return steps.reduceRight<unknown>((value, step) => {
    if (typeof step === "string") return { before: 1, [step]: value };
    return [...Array<number>(step).fill(0), value];
  }, inner);
}

function toldPath(steps: readonly (number | string)[]): string {
  return steps
    .map((step) => (typeof step === "string" ? `.${step}` : `[${step}]`))
    .join("")
    .replace(/^\./, "");
}

class Money {
  readonly cents = 1;
}
class Orders extends Map {}
class Moment extends Date {}
class Items extends Array {}

const refused: [string, unknown][] = [
  ["a function", () => 1],
  ["a symbol", Symbol("s")],
  ["an instance of a class", new Money()],
  ["a promise", Promise.resolve()],
  ["a WeakMap", new WeakMap()],
  ["an instance of a class that extends Map", new Orders()],
  ["an instance of a class that extends Date", new Moment()],
  ["an instance of a class that extends Array", Items.from([1])],
  ["an array with a field", Object.assign([1], { extra: 1 })],
  ["an empty array with a field", Object.assign([], { extra: 1 })],
  ["a Map with a field", Object.assign(new Map(), { extra: 1 })],
  ["an object with a symbol key", { [Symbol("s")]: 1 }],
  ["shared memory", new Uint8Array(new SharedArrayBuffer(4))],
  ["a generator", (function* () {})()],
];

for (const [what, value] of refused) {
  test(`${what} is refused with the path to it`, () => {
    fc.assert(
      fc.property(path, (steps) => {
        const { code, message } = refusal(wrap(value, steps));
        assert.equal(code, "UNSTORABLE_VALUE");
        assert.ok(message.includes(`The value cannot be stored at ${toldPath(steps)}: `), message);
      }),
      { numRuns: 30 },
    );
  });
}

test("a value that throws when it is looked at is refused, not thrown through", () => {
  const getter = Object.defineProperty({}, "trap", {
    enumerable: true,
    get() {
      throw new Error("looked at");
    },
  });
  expect(refusal(getter).message).toMatch(/UNSTORABLE_VALUE.*looked at/);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(refusal(proxy).code).toBe("UNSTORABLE_VALUE");
});

function nested(depth: number, leaf: unknown): unknown {
  let value = leaf;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { inner: value };
  return value;
}

test("a value exactly as deep as the limit is stored, one level more is refused, JSON or not", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 80 }),
      fc.constantFrom<unknown>(1, 1n, undefined),
      (depth, leaf) => {
        const limits = { ...defaultLimits, depth };
        const fits = nested(depth, leaf);
        assert.deepStrictEqual(decodePayload(encodePayload(fits, "The value", limits)), fits);
        const { code, message } = refusal(nested(depth + 1, leaf), limits);
        assert.equal(code, "VALUE_TOO_DEEP");
        assert.ok(message.includes(`deeper than ${depth} levels`));
      },
    ),
  );
});

test("a value that is far too deep, or endless, is refused without filling the stack", () => {
  expect(refusal(nested(1_000_000, 1)).code).toBe("VALUE_TOO_DEEP");
  expect(refusal(nested(1_000_000, 1n)).code).toBe("VALUE_TOO_DEEP");
});

test("a value exactly as large as the limit in UTF-8 is stored, one byte more is refused with both numbers", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-composite", minLength: 1, maxLength: 40 }), (content) => {
      const bytes = Buffer.byteLength(JSON.stringify(content));
      encodePayload(content, "The value", { payloadBytes: bytes, depth: 64 });
      const { code, message } = refusal(content, { ...defaultLimits, payloadBytes: bytes - 1 });
      assert.equal(code, "VALUE_TOO_LARGE");
      assert.ok(message.includes(`takes ${bytes} bytes, and the limit is ${bytes - 1}`));
    }),
  );
});

test("text that nobody wrote so is HISTORY_UNREADABLE, never another error", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((rest) => `~${rest}`),
        fc.json().map((json) => `~${json}`),
      ),
      (stored) => {
        try {
          decodePayload(stored);
        } catch (error) {
          assert.ok(error instanceof PerdureError && error.code === "HISTORY_UNREADABLE", String(error));
        }
      },
    ),
    { numRuns: 500 },
  );
});
