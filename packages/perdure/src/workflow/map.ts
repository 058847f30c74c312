/** Many items at once, no more than some at a time. Plain code over promises, so it replays as it ran. */
import { PerdureError, TooManyFailuresError } from "../errors.ts";

/** How many items are in work at a time. */
export interface MapOptions {
  /** Items in work at a time. Default: all. */
  concurrency?: number;
}

/** How many items are in work at a time, and how many may fail. */
export interface MapSettledOptions extends MapOptions {
  /** How many items may fail, or which part of them (`"5%"`). More reject at once. Default: all may. */
  tolerate?: number | `${number}%`;
  /** How many items must succeed; fewer reject as soon as that is certain. Default 0. */
  minSuccess?: number;
}

/**
 * Calls `fn` for each item and gives the results in the items' order. Rejects at the first failure: items not begun are
 * left alone, those in work go on unobserved.
 *
 * @throws PerdureError `INVALID_OPTION` for a concurrency below 1.
 * @example await map(orders, { concurrency: 10 }, (order) => charge(order));
 */
export function map<T, R>(items: Iterable<T>, fn: (item: T, index: number) => R): Promise<Awaited<R>[]>;
export function map<T, R>(
  items: Iterable<T>,
  options: MapOptions,
  fn: (item: T, index: number) => R,
): Promise<Awaited<R>[]>;
export async function map<T, R>(
  items: Iterable<T>,
  optionsOrFn: MapOptions | ((item: T, index: number) => R),
  fn?: (item: T, index: number) => R,
): Promise<Awaited<R>[]> {
  const [options, call] = typeof optionsOrFn === "function" ? [{}, optionsOrFn] : [optionsOrFn, fn!];
  const list = [...items];
  const results = new Array<Awaited<R>>(list.length);
  await forEach(list, options, async (item, index) => {
    results[index] = await call(item, index);
  });
  return results;
}

/**
 * Calls `fn` for each item and tells of each how it went, in the items' order.
 *
 * @throws TooManyFailuresError when more items fail than `tolerate` allows, or `minSuccess` is out of reach: at once,
 *   without waiting for the rest.
 * @throws PerdureError `INVALID_OPTION`.
 * @example const results = await mapSettled(rows, { concurrency: 20, tolerate: "5%" }, (row) => load(row));
 */
export function mapSettled<T, R>(
  items: Iterable<T>,
  fn: (item: T, index: number) => R,
): Promise<PromiseSettledResult<Awaited<R>>[]>;
export function mapSettled<T, R>(
  items: Iterable<T>,
  options: MapSettledOptions,
  fn: (item: T, index: number) => R,
): Promise<PromiseSettledResult<Awaited<R>>[]>;
export async function mapSettled<T, R>(
  items: Iterable<T>,
  optionsOrFn: MapSettledOptions | ((item: T, index: number) => R),
  fn?: (item: T, index: number) => R,
): Promise<PromiseSettledResult<Awaited<R>>[]> {
  const [options, call] = typeof optionsOrFn === "function" ? [{}, optionsOrFn] : [optionsOrFn, fn!];
  const list = [...items];
  const allowed = allowedFailures(list.length, options);
  const results = new Array<PromiseSettledResult<Awaited<R>>>(list.length);
  const failures: { index: number; reason: unknown }[] = [];
  if (allowed < 0) {
    throw new TooManyFailuresError(
      `mapSettled() needs ${options.minSuccess} successes of ${list.length} items.`,
    );
  }
  await forEach(list, options, async (item, index) => {
    try {
      results[index] = { status: "fulfilled", value: await call(item, index) };
    } catch (reason) {
      results[index] = { status: "rejected", reason };
      failures.push({ index, reason });
      if (failures.length > allowed) {
        const inOrder = failures.sort((a, b) => a.index - b.index);
        throw new TooManyFailuresError(
          `mapSettled() tolerates ${allowed} failures of ${list.length} items, and ${failures.length} have failed.`,
          inOrder.map((failure) => failure.reason),
        );
      }
    }
  });
  return results;
}

/** Lanes that each take the next item: as many as the concurrency says. */
async function forEach<T>(
  items: readonly T[],
  options: MapOptions,
  visit: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const concurrency = options.concurrency ?? Infinity;
  if (!(concurrency === Infinity || Number.isSafeInteger(concurrency)) || concurrency < 1) {
    throw new PerdureError(
      "INVALID_OPTION",
      `concurrency is ${concurrency}. It must be a whole number from 1.`,
    );
  }
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const index = next++;
      try {
        await visit(items[index]!, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
}

function allowedFailures(total: number, { tolerate, minSuccess = 0 }: MapSettledOptions): number {
  const percent = typeof tolerate === "string" ? /^(\d+(?:\.\d+)?)%$/.exec(tolerate)?.[1] : undefined;
  const tolerated =
    tolerate === undefined
      ? total
      : typeof tolerate === "number"
        ? tolerate
        : Math.floor((total * Number(percent ?? NaN)) / 100);
  if (
    !Number.isSafeInteger(tolerated) ||
    tolerated < 0 ||
    !Number.isSafeInteger(minSuccess) ||
    minSuccess < 0
  ) {
    throw new PerdureError(
      "INVALID_OPTION",
      `mapSettled() was given tolerate ${JSON.stringify(tolerate)} and minSuccess ${minSuccess}. ` +
        `Write whole numbers from 0, or a percentage such as "5%".`,
    );
  }
  return Math.min(tolerated, total - minSuccess);
}
