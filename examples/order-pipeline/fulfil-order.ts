/** One order: stock reserved, money taken, receipt written. Plain code; that it survives `kill -9` is not its concern. */
import { join } from "node:path";
import { sleep, step, stepInfo, workflow } from "perdure";
import { writeFileAtomically } from "./durable-file.ts";
import { orderSchema, type Order } from "./order.ts";
import { charge, type Payment } from "./payments.ts";
import { receiptsFolder, reservationsFolder } from "./settings.ts";

export interface Receipt {
  orderId: string;
  customer: string;
  amountCents: number;
  chargeId: string;
}

/** One file an order: done twice is as good as done once. */
const reserveStock = step("reserve-stock", async ({ id, sku, quantity }: Order) => {
  await writeFileAtomically(join(reservationsFolder, `${id}.json`), JSON.stringify({ sku, quantity }));
});

/** The service fails, hangs up and dawdles. The key makes sure that it charges once, whatever happens to it or to us. */
const chargeCustomer = step(
  "charge-customer",
  { timeout: "1s", retry: { maxAttempts: 10, initialDelay: "200ms", maxDelay: "2s" } },
  async ({ id, amountCents }: Order) => {
    const { idempotencyKey, attempt, signal } = stepInfo();
    return charge({ orderId: id, amountCents }, { idempotencyKey, attempt, signal });
  },
);

const writeReceipt = step("write-receipt", async ({ id, customer }: Order, payment: Payment) => {
  const receipt: Receipt = { orderId: id, customer, ...payment };
  await writeFileAtomically(join(receiptsFolder, `${id}.json`), JSON.stringify(receipt));
});

export const fulfilOrder = workflow("fulfil-order", { input: orderSchema }, async (order) => {
  await reserveStock(order);
  const payment = await chargeCustomer(order);
  await sleep("500ms"); // could be "14d": nothing is held meanwhile
  await writeReceipt(order, payment);
  return payment.chargeId;
});
