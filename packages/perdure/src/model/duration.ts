/** Spans of time as users write them, and the dates that they lead to. */
import { PerdureError } from "../errors.ts";

type DurationUnit = "ms" | "s" | "m" | "h" | "d" | "w";

/** `"30s"`, `"1.5h"`, `"7d"`: one number and one unit, or a number of milliseconds. */
export type Duration = `${number}${DurationUnit}` | (string & {}) | number;

const unitMs: Record<DurationUnit, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A hundred years: beyond it a due time would leave the range in which a `Date` is exact. */
const maxDurationMs = 36_525 * unitMs.d;
const maxDateMs = 8_640_000_000_000_000;

const durationText = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)$/;

/**
 * Milliseconds of a duration, rounded up so that nothing is due early.
 *
 * @param what names the thing in the error, such as `sleep` or `retry.initialDelay of step "charge"`.
 * @throws PerdureError `INVALID_DURATION` for an unknown unit, two units, a negative or a non-finite value, and
 *   for more than a hundred years.
 */
export function parseDuration(value: Duration, what: string): number {
  const ms = typeof value === "number" ? value : parseText(value);
  if (ms === undefined || !Number.isFinite(ms) || ms < 0 || ms > maxDurationMs) {
    throw new PerdureError(
      "INVALID_DURATION",
      `${what} was given ${JSON.stringify(value) ?? String(value)}. Write one number and one of ms, s, m, h, d, w ` +
        `("500ms", "1.5h", "7d"), or milliseconds; between 0 and 100 years.`,
    );
  }
  return Math.ceil(ms);
}

function parseText(text: unknown): number | undefined {
  if (typeof text !== "string") return undefined;
  const match = durationText.exec(text.trim());
  return match ? Number(match[1]) * unitMs[match[2] as DurationUnit] : undefined;
}

/** A moment, given as a date or as a duration from now. */
export type When = { atMs: number } | { afterMs: number };

/** @throws PerdureError `INVALID_DURATION` as {@link parseDuration} does, and for an invalid `Date`. */
export function parseWhen(value: Duration | Date, what: string): When {
  if (!(value instanceof Date)) return { afterMs: parseDuration(value, what) };
  const atMs = value.getTime();
  if (Number.isNaN(atMs) || Math.abs(atMs) > maxDateMs) {
    throw new PerdureError("INVALID_DURATION", `${what} was given an invalid Date. Check how it was made.`);
  }
  return { atMs };
}

export function resolveWhen(when: When, nowMs: number): number {
  return "atMs" in when ? when.atMs : nowMs + when.afterMs;
}
