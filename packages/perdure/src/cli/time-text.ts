/** Spans and moments as people read them. */

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** `120ms`, `3.4s`, `2m 5s`, `3h 10m`, `12d 4h`. */
export function spanText(ms: number): string {
  const span = Math.max(0, ms);
  if (span < second) return `${Math.round(span)}ms`;
  if (span < 10 * second) return `${(Math.floor(span / 100) / 10).toString()}s`;
  if (span < minute) return `${Math.floor(span / second)}s`;
  if (span < hour) return twoUnits(span, minute, "m", second, "s");
  if (span < day) return twoUnits(span, hour, "h", minute, "m");
  return twoUnits(span, day, "d", hour, "h");
}

function twoUnits(span: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((span % large) / small);
  return `${Math.floor(span / large)}${largeName}${rest === 0 ? "" : ` ${rest}${smallName}`}`;
}

/** `5s ago`, `in 2m`. */
export function distanceText(atMs: number, nowMs: number): string {
  const span = atMs - nowMs;
  return span > 0 ? `in ${spanText(span)}` : `${spanText(-span)} ago`;
}

/** The reader's own time on a terminal, with the date when it is another day; ISO for programs. */
export function momentText(at: Date | number, options: { forPeople: boolean; now?: Date }): string {
  const date = new Date(at);
  if (!options.forPeople) return date.toISOString();
  const two = (value: number): string => String(value).padStart(2, "0");
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (date.toDateString() === (options.now ?? new Date()).toDateString()) return time;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}
