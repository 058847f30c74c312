/**
 * How values become text and come back.
 *
 * P1. A value that JSON carries exactly is stored as that JSON; any other stands behind a marker, written by devalue.
 * P2. What is accepted reads back equal, on every store: stores keep the text as it is and never parse it.
 * P3. What would not read back equal is refused with the path to it, before anything is written.
 */
import { DevalueError, parse, stringify } from "devalue";
import { describeThrown, PerdureError } from "../errors.ts";
import { decodeFailure, encodeFailure, errorFromFailure } from "./failure.ts";
import { defaultLimits, type Limits } from "./limits.ts";

/** No JSON text begins with it. */
const marker = "~";

const reducers = {
  // As text: its fields may have keys that devalue refuses, and a field is no reason to refuse an error.
  Failure: (value: unknown) => (value instanceof Error ? encodeFailure(value) : undefined),
  // In an array, since devalue takes an empty text for a refusal.
  Buffer: (value: unknown) => (Buffer.isBuffer(value) ? [value.toString("base64")] : undefined),
};
const revivers = {
  Failure: (value: string) => errorFromFailure(decodeFailure(value)),
  Buffer: ([text]: [string]) => Buffer.from(text, "base64"),
};

/**
 * @param what names the value in errors: `the input of workflow "order"`.
 * @throws PerdureError `UNSTORABLE_VALUE`, `VALUE_TOO_DEEP` or `VALUE_TOO_LARGE`, with the path.
 */
export function encodePayload(
  value: unknown,
  what: string,
  limits: Pick<Limits, "payloadBytes" | "depth"> = defaultLimits,
): string {
  const text = encodeText(value, what, limits.depth);
  // A UTF-16 unit takes at most three bytes, so most values need no count.
  if (text.length * 3 > limits.payloadBytes) {
    const bytes = utf8Length(text);
    if (bytes > limits.payloadBytes) {
      throw new PerdureError(
        "VALUE_TOO_LARGE",
        `${what} takes ${bytes} bytes, and the limit is ${limits.payloadBytes}. Store the data elsewhere and pass a ` +
          `reference to it, or raise limits.payloadBytes.`,
      );
    }
  }
  return text;
}

function encodeText(value: unknown, what: string, depth: number): string {
  try {
    return isExactJson(value, depth) ? JSON.stringify(value) : encodeRich(value, what, depth);
  } catch (error) {
    if (error instanceof PerdureError) throw error;
    // A getter, or a proxy, that throws when it is looked at.
    throw unstorable(what, "", `It could not be read (${describeThrown(error)})`);
  }
}

/** @throws PerdureError `HISTORY_UNREADABLE` when the text is not one that {@link encodePayload} wrote. */
export function decodePayload(text: string): unknown {
  try {
    return text.startsWith(marker) ? parse(text.slice(1), revivers) : JSON.parse(text);
  } catch (error) {
    throw new PerdureError(
      "HISTORY_UNREADABLE",
      `A stored value could not be read back: ${(error as Error).message}. It was changed outside of Perdure, or ` +
        `the store is damaged: restore it from a backup.`,
      { cause: error },
    );
  }
}

/** Whether `JSON.parse(JSON.stringify(value))` gives an equal value. Cycles end at the depth limit. */
function isExactJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth <= 0) return false;
  if (Array.isArray(value)) {
    if (Object.getPrototypeOf(value) !== Array.prototype) return false;
    // Extra properties and holes are not carried; a hole shows as a missing key.
    const keys = Object.keys(value);
    if (keys.length !== value.length || Object.getOwnPropertySymbols(value).length > 0) return false;
    for (let index = 0; index < value.length; index++) {
      if (keys[index] !== String(index) || !isExactJson(value[index], depth - 1)) return false;
    }
    return typeof (value as { toJSON?: unknown }).toJSON !== "function";
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  if (Object.getOwnPropertySymbols(value).length > 0) return false;
  for (const key in value) {
    if (key === "toJSON" && typeof (value as { toJSON?: unknown }).toJSON === "function") return false;
    if (!isExactJson((value as Record<string, unknown>)[key], depth - 1)) return false;
  }
  return true;
}

function encodeRich(value: unknown, what: string, depth: number): string {
  refuseUnstorable(value, what, depth);
  try {
    return marker + stringify(value, reducers);
  } catch (error) {
    const path = error instanceof DevalueError ? error.path : "";
    throw unstorable(what, path, (error as Error).message);
  }
}

/** What devalue would accept and change, or follow without a bound. */
function refuseUnstorable(root: unknown, what: string, maxDepth: number): void {
  const seen = new Set<object>();
  const visit = (value: unknown, path: string, depth: number): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    if (depth > maxDepth) {
      throw new PerdureError(
        "VALUE_TOO_DEEP",
        `${what} is nested deeper than ${maxDepth} levels, at ${path.slice(0, 200)}. Flatten it, or raise limits.depth.`,
      );
    }
    if (value instanceof Error || Buffer.isBuffer(value)) return;
    refuseDerived(value, what, path);
    if (value instanceof Map) {
      let index = 0;
      for (const [key, item] of value) {
        visit(key, `${path}.key(${index})`, depth + 1);
        visit(item, `${path}.get(${index})`, depth + 1);
        index++;
      }
    } else if (value instanceof Set) {
      let index = 0;
      for (const item of value) visit(item, `${path}.item(${index++})`, depth + 1);
    } else if (Array.isArray(value)) {
      if (Object.keys(value).some((key) => !/^\d+$/.test(key)) || hasSymbols(value)) {
        throw unstorable(what, path, "Cannot store an array that has properties besides its items");
      }
      value.forEach((item, index) => visit(item, `${path}[${index}]`, depth + 1));
    } else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      if (
        typeof SharedArrayBuffer !== "undefined" &&
        ArrayBuffer.isView(value) &&
        value.buffer instanceof SharedArrayBuffer
      ) {
        throw unstorable(what, path, "Cannot store shared memory");
      }
    } else {
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== null) return; // devalue knows it, or refuses it with its path
      for (const key of Object.keys(value)) {
        if (key === "__proto__") {
          throw unstorable(
            what,
            path,
            'Cannot store a key named "__proto__" beside values that JSON does not carry',
          );
        }
        visit((value as Record<string, unknown>)[key], `${path}.${key}`, depth + 1);
      }
    }
  };
  visit(root, "", 1);
}

/** Instances of classes that extend a built-in one, or that somebody has put fields on, would come back as the plain thing. */
function refuseDerived(value: object, what: string, path: string): void {
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (kind === "Object") return;
  // By name, since a built-in of another realm is as good.
  const className: unknown = (Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null)
    ?.constructor?.name;
  if (className !== kind)
    throw unstorable(what, path, `Cannot store an instance of ${String(className)} (${kind})`);
  const takesFields = value instanceof Map || value instanceof Set || value instanceof Date;
  if (takesFields && (Object.keys(value).length > 0 || hasSymbols(value)))
    throw unstorable(what, path, `Cannot store a ${kind} that has fields of its own`);
}

function hasSymbols(value: object): boolean {
  return Object.getOwnPropertySymbols(value).length > 0;
}

function unstorable(what: string, path: string, reason: string): PerdureError {
  const place = path === "" ? "" : ` at ${path.replace(/^\./, "")}`;
  return new PerdureError(
    "UNSTORABLE_VALUE",
    `${what} cannot be stored${place}: ${reason}. Pass plain data: objects, arrays, Date, Map, Set, BigInt, URL, typed ` +
      `arrays, Error; make a class instance plain first.`,
  );
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit < 0xdc00) {
      bytes += 4;
      index++;
    } else bytes += 3;
  }
  return bytes;
}
