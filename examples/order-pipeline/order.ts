/** An order, and how a row of the shop's export becomes one, or a reason why it does not. */
import { z } from "zod";
import { parseCsv } from "./csv.ts";

export const orderSchema = z.object({
  id: z.string().regex(/^A-\d{5}$/),
  customer: z.string().min(1),
  email: z.email(),
  sku: z.string().min(1),
  quantity: z.int().positive(),
  amountCents: z.int().positive(),
  note: z.string(),
});

export type Order = z.infer<typeof orderSchema>;

/** A row that is no order. Somebody has to look at it, so it says where and why. */
export interface RejectedRow {
  line: number;
  orderId: string;
  reason: string;
}

const columns = [
  "order_id",
  "placed_at",
  "customer",
  "email",
  "sku",
  "quantity",
  "unit_price",
  "currency",
  "note",
] as const;

const required = z.string().min(1, { error: "is missing", abort: true });

const rowSchema = z.object({
  order_id: required.regex(/^A-\d{5}$/, "is not of the form A-12345"),
  placed_at: required.pipe(z.iso.date("is not a date such as 2024-06-30")),
  customer: required,
  email: required.pipe(z.email("is not an address")),
  sku: required,
  quantity: required.regex(/^[1-9]\d{0,3}$/, "is not a whole number from 1 to 9999"),
  unit_price: required
    .regex(/^\d{1,6}\.\d{2}$/, { error: "is not an amount such as 12.50", abort: true })
    .regex(/[1-9]/, "is zero"),
  currency: required.pipe(z.literal("EUR", "is not EUR")),
  note: z.string(),
});

/** Each row of the file is in one of the two lists. Of rows with the same order id the first is the order. */
export function readOrders(file: Uint8Array): { orders: Order[]; rejected: RejectedRow[] } {
  const [header, ...records] = parseCsv(file);
  if (header?.fields.join() !== columns.join()) {
    throw new Error(`The file should begin with the line ${columns.join()}`);
  }
  const orders: Order[] = [];
  const rejected: RejectedRow[] = [];
  const lineOfOrder = new Map<string, number>();
  for (const { line, fields, flaw } of records) {
    const orderId = fields[0]!;
    const reject = (reason: string): unknown => rejected.push({ line, orderId, reason });
    if (flaw !== undefined) {
      reject(flaw);
      continue;
    }
    if (fields.length !== columns.length) {
      reject(`it has ${fields.length} fields instead of ${columns.length}`);
      continue;
    }
    const row = rowSchema.safeParse(Object.fromEntries(columns.map((name, index) => [name, fields[index]])));
    if (!row.success) {
      reject(row.error.issues.map((issue) => complain(issue, fields)).join("; "));
      continue;
    }
    const earlierLine = lineOfOrder.get(orderId);
    if (earlierLine !== undefined) {
      reject(`order_id is that of line ${earlierLine}`);
      continue;
    }
    lineOfOrder.set(orderId, line);
    orders.push(toOrder(row.data));
  }
  return { orders, rejected };
}

function toOrder(row: z.infer<typeof rowSchema>): Order {
  const quantity = Number(row.quantity);
  return {
    id: row.order_id,
    customer: row.customer,
    email: row.email,
    sku: row.sku,
    quantity,
    amountCents: quantity * Math.round(Number(row.unit_price) * 100),
    note: row.note,
  };
}

function complain({ path, message }: { path: PropertyKey[]; message: string }, fields: string[]): string {
  const column = String(path[0]);
  const value = fields[columns.findIndex((name) => name === column)];
  return value ? `${column} ${JSON.stringify(value)} ${message}` : `${column} ${message}`;
}
