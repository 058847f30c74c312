/**
 * Reads the shop's export and starts a run for each order. It is a workflow itself, so it may be killed at any
 * point: the order id is the idempotency key of the order's run, and starting it again finds the run that is
 * there.
 */
import { readFile } from "node:fs/promises";
import { sleep, step, workflow } from "perdure";
import { writeFileAtomically } from "./durable-file.ts";
import { engine } from "./engine.ts";
import { fulfilOrder } from "./fulfil-order.ts";
import { readOrders, type Order, type RejectedRow } from "./order.ts";
import { rejectedFile } from "./settings.ts";

const batchSize = 25;

const readExport = step("read-export", async (path: string) => readOrders(await readFile(path)));

const reportRejected = step("report-rejected", (rows: RejectedRow[]) =>
  writeFileAtomically(rejectedFile, JSON.stringify(rows, null, 2)),
);

const startOrders = step("start-orders", async (orders: Order[]) => {
  await engine.startMany(
    fulfilOrder,
    orders.map((order) => ({ input: order, options: { idempotencyKey: order.id } })),
  );
});

export const ingest = workflow("ingest", async (path: string) => {
  const { orders, rejected } = await readExport(path);
  await reportRejected(rejected);
  for (let from = 0; from < orders.length; from += batchSize) {
    await startOrders(orders.slice(from, from + batchSize));
    await sleep("500ms"); // the warehouse takes no more at a time
  }
  return { started: orders.length, rejected: rejected.length };
});
