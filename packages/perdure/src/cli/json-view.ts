/** Values that JSON does not carry, as JSON that programs can read; and any value as a short text for people. */
import { inspect } from "node:util";
import { printable, shorten } from "./display-text.ts";

/** Dates become ISO text, maps pairs, sets and typed arrays lists, big integers text, errors their name and message. */
export function toJson(value: unknown, ancestors: readonly object[] = []): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object" || value === null) return value ?? null;
  if (ancestors.includes(value)) return "[circular]";
  const inside = [...ancestors, value];
  const list = (items: Iterable<unknown>): unknown[] => Array.from(items, (item) => toJson(item, inside));
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof URL || value instanceof RegExp) return String(value);
  if (value instanceof Map || value instanceof Set || Array.isArray(value)) return list(value);
  if (value instanceof ArrayBuffer) return list(new Uint8Array(value));
  if (ArrayBuffer.isView(value))
    return value instanceof DataView ? list(new Uint8Array(value.buffer)) : list(value as never);
  if (value instanceof Error) return { name: value.name, message: value.message };
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, toJson(item, inside)]),
  );
}

/** One short line. */
export function valueText(value: unknown, columns = 60): string {
  if (value === undefined) return "";
  const text = inspect(value, { depth: 3, breakLength: Infinity, maxArrayLength: 10, maxStringLength: 200 });
  return shorten(printable(text), columns);
}
