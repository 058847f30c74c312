/** Where things are. The demo hands this to the processes that it starts. */
import { join } from "node:path";

export const stateFolder = process.env["PIPELINE_STATE"] ?? join(import.meta.dirname, ".demo");
export const paymentUrl = process.env["PAYMENT_URL"] ?? "http://127.0.0.1:4242";

export const ordersFile = join(import.meta.dirname, "orders.csv");
export const databaseFile = join(stateFolder, "perdure.db");
/** Every charge, as the payment service wrote it down: one JSON object a line. */
export const ledgerFile = join(stateFolder, "ledger.jsonl");
/** Every call that the payment service got, in the same form. */
export const callsFile = join(stateFolder, "calls.jsonl");
export const receiptsFolder = join(stateFolder, "receipts");
export const reservationsFolder = join(stateFolder, "reservations");
export const rejectedFile = join(stateFolder, "rejected.json");
