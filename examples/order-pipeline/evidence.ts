/**
 * What the world says happened: the payment service's own books, and the files on disk. Nothing here asks
 * Perdure, and nothing here trusts what a worker reported.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Receipt } from "./fulfil-order.ts";
import { readOrders, type RejectedRow } from "./order.ts";
import type { Call, Charge } from "./payment-service.ts";
import { callsFile, ledgerFile, ordersFile, receiptsFolder, rejectedFile } from "./settings.ts";

export interface Check {
  claim: string;
  holds: boolean;
  found: string;
}

export function checkEvidence(): Check[] {
  const { orders, rejected } = readOrders(readFileSync(ordersFile));
  const charges = readLines<Charge>(ledgerFile);
  const chargesOf = new Map<string, Charge[]>();
  for (const charge of charges) {
    chargesOf.set(charge.orderId, [...(chargesOf.get(charge.orderId) ?? []), charge]);
  }
  const amountOf = new Map(orders.map(({ id, amountCents }) => [id, amountCents]));
  const receipts = readReceipts();
  const reported = existsSync(rejectedFile)
    ? (JSON.parse(readFileSync(rejectedFile, "utf8")) as RejectedRow[])
    : [];

  const chargedOnce = orders.filter(({ id }) => chargesOf.get(id)?.length === 1);
  const chargedTwice = [...chargesOf.values()].filter(({ length }) => length > 1);
  const notOurs = charges.filter(({ orderId, amountCents }) => amountOf.get(orderId) !== amountCents);
  const receipted = orders.filter(({ id, amountCents }) => {
    const receipt = receipts.get(`${id}.json`);
    return (
      receipt?.orderId === id &&
      receipt.amountCents === amountCents &&
      chargesOf.get(id)?.some(({ chargeId }) => chargeId === receipt.chargeId)
    );
  });
  const explained = rejected.filter(({ line }) =>
    reported.some((row) => row.line === line && row.reason !== ""),
  );
  const taken = sum(charges.map(({ amountCents }) => amountCents));
  const due = sum(orders.map(({ amountCents }) => amountCents));

  return [
    {
      claim: "every valid order charged exactly once",
      holds: chargedOnce.length === orders.length && chargedTwice.length === 0,
      found:
        `${chargedOnce.length} of ${orders.length}, ${chargedTwice.length} charged twice` +
        examples(chargedTwice.map(([charge]) => charge!.orderId)),
    },
    {
      claim: "the right amounts, and nothing else",
      holds: notOurs.length === 0 && taken === due,
      found: `${euros(taken)} taken, ${euros(due)} due`,
    },
    {
      claim: "every receipt written, for its own charge",
      holds: receipted.length === orders.length && receipts.size === orders.length,
      found: `${receipted.length} of ${orders.length}, ${receipts.size} files`,
    },
    {
      claim: "every bad row reported, with its reason",
      holds: explained.length === rejected.length && reported.length === rejected.length,
      found: `${explained.length} of ${rejected.length}`,
    },
  ];
}

export function readRejected(): RejectedRow[] {
  return JSON.parse(readFileSync(rejectedFile, "utf8")) as RejectedRow[];
}

/** What the keys were good for. */
export interface CallSummary {
  calls: number;
  failed: number;
  hungUp: number;
  late: number;
  /** The same attempt once more: the worker that made the first call was killed before it could record the answer. */
  repeatedByCrash: number;
  /** Calls that found their charge made already, by a call that crashed or failed. */
  absorbed: number;
}

export function summarizeCalls(): CallSummary {
  const calls = readLines<Call>(callsFile);
  const attempts = new Set(calls.map(({ key, attempt }) => `${key} ${attempt}`));
  const count = (fits: (call: Call) => boolean): number => calls.filter(fits).length;
  return {
    calls: calls.length,
    failed: count(({ answer }) => answer === "failed"),
    hungUp: count(({ answer }) => answer === "hung-up"),
    late: count(({ answer }) => answer === "late"),
    repeatedByCrash: calls.length - attempts.size,
    absorbed: count(({ charge }) => charge === "found"),
  };
}

function readReceipts(): Map<string, Receipt> {
  if (!existsSync(receiptsFolder)) return new Map();
  return new Map(
    readdirSync(receiptsFolder).map((name) => {
      return [name, JSON.parse(readFileSync(join(receiptsFolder, name), "utf8")) as Receipt];
    }),
  );
}

function readLines<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function euros(cents: number): string {
  return `EUR ${(cents / 100).toFixed(2)}`;
}

function examples(ids: string[]): string {
  return ids.length === 0 ? "" : ` (${ids.slice(0, 3).join(", ")}${ids.length > 3 ? " …" : ""})`;
}
