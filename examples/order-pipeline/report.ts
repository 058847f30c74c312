import { summarizeCalls, type Check } from "./evidence.ts";
import type { RejectedRow } from "./order.ts";
import { bold, dim, green, print, red } from "./screen.ts";

export interface Kill {
  /** Runs that the killed worker owned. */
  inFlight: number;
  firstBackMs: number;
  allBackMs: number;
}

export interface Report {
  orders: number;
  rejected: RejectedRow[];
  checks: Check[];
  kills: Kill[];
}

const rowsShown = 6;

export function printReport({ orders, rejected, checks, kills }: Report): void {
  heading("Rows of orders.csv");
  print(`  ${orders + rejected.length} rows: ${orders} orders, ${rejected.length} bad rows`);
  for (const { line, orderId, reason } of rejected.slice(0, rowsShown)) {
    print(dim(`    line ${String(line).padEnd(4)} ${orderId.padEnd(8)} ${reason}`));
  }
  if (rejected.length > rowsShown)
    print(dim(`    … and ${rejected.length - rowsShown} more in rejected.json`));

  heading("The payment service's books, and the files on disk");
  for (const { claim, holds, found } of checks) {
    print(`  ${holds ? green("✓") : red("✗")} ${claim.padEnd(42)} ${found}`);
  }

  const { calls, failed, hungUp, late, repeatedByCrash, absorbed } = summarizeCalls();
  heading("Calls of the payment service");
  row(calls, "calls");
  row(failed, "failed before they had charged");
  row(hungUp, "failed after they had charged");
  row(late, "answered too late");
  row(repeatedByCrash, "were repeated because the worker had been killed");
  row(absorbed, "would have charged again: the idempotency key absorbed them");

  heading("Recovery, from the kill until the interrupted runs went on elsewhere");
  kills.forEach(({ inFlight, firstBackMs, allBackMs }, index) => {
    const [first, all] = [firstBackMs, allBackMs].map((ms) => `${(ms / 1000).toFixed(2)} s`);
    print(
      `  kill ${index + 1}   ${String(inFlight).padStart(3)} runs   first after ${first}   all after ${all}`,
    );
  });
  print();
}

function heading(text: string): void {
  print(`\n${bold(text)}`);
}

function row(count: number, text: string): void {
  print(`  ${String(count).padStart(5)}  ${text}`);
}
