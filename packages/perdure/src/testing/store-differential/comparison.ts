/** One question to two stores, and whether they agree. */
import assert from "node:assert/strict";
import { PerdureError } from "../../errors.ts";
import type { Store } from "../../store.ts";

type Outcome<T> = { answer: T } | { code: string };

/** @returns the left store's answer. */
export async function compareStores<T>(
  call: (store: Store) => Promise<T>,
  left: Store,
  right: Store,
  describe: () => string,
): Promise<T> {
  const expected = await outcomeOf(call, left);
  const found = await outcomeOf(call, right);
  try {
    assert.deepEqual(withoutOpenParts(found), withoutOpenParts(expected));
  } catch (error) {
    throw new assert.AssertionError({
      message: `${describe()}\n${left.description} (expected) and ${right.description}: ${(error as Error).message}`,
      expected,
      actual: found,
    });
  }
  if ("code" in expected) throw new Error(`${describe()}\nBoth stores rejected with ${expected.code}.`);
  return expected.answer;
}

async function outcomeOf<T>(call: (store: Store) => Promise<T>, store: Store): Promise<Outcome<T>> {
  try {
    return { answer: await call(store) };
  } catch (error) {
    if (error instanceof PerdureError) return { code: error.code };
    throw error;
  }
}

/** What two right answers may differ in: the order of `strange` and `unread`, and how a refusal is worded. */
function withoutOpenParts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOpenParts);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([key, field]: [string, unknown]) => {
    if (key === "strange" || key === "unread") return [key, sorted(field as unknown[])];
    if (key === "message" && "reason" in value) return [key, ""];
    return [key, withoutOpenParts(field)];
  });
  return Object.fromEntries(fields) as unknown;
}

function sorted(list: readonly unknown[]): unknown[] {
  return list.toSorted((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));
}
