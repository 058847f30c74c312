/**
 * A payment service as they are: it answers late, fails a fifth of its calls, half of these after it has
 * charged, and charges once for each idempotency key. It keeps its own books, and knows nothing of Perdure.
 *
 *   npx tsx examples/order-pipeline/payment-service.ts
 */
import { appendFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { ChargeRequest } from "./payments.ts";
import { callsFile, ledgerFile, paymentUrl } from "./settings.ts";

/** A line of the ledger: money that was moved. */
export interface Charge extends ChargeRequest {
  chargeId: string;
  key: string;
}

/** A line of the call log. */
export interface Call {
  key: string;
  attempt: number;
  /** What it did: took money, found that it had been taken under this key, or failed before that. */
  charge: "made" | "found" | "none";
  answer: "ok" | "late" | "failed" | "hung-up";
}

/** For sceptics: a service that forgets its keys charges twice, and the demo has to notice. */
const forgetsKeys = process.argv.includes("--forget-keys");

const charges = new Map<string, Charge>();
let chargeCount = 0;

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { orderId, amountCents } = (await json(request)) as ChargeRequest;
  const key = String(request.headers["idempotency-key"]);
  const attempt = Number(request.headers["x-attempt"]);
  const note = (call: Pick<Call, "charge" | "answer">): void => append(callsFile, { key, attempt, ...call });

  await delay(between(50, 200));
  const luck = Math.random();
  if (luck < 0.1) {
    note({ charge: "none", answer: "failed" });
    response.writeHead(503).end("try again later");
    return;
  }
  const known = forgetsKeys ? undefined : charges.get(key);
  const charge = known ?? { chargeId: `ch_${++chargeCount}`, key, orderId, amountCents };
  if (charge.orderId !== orderId || charge.amountCents !== amountCents) {
    note({ charge: "none", answer: "failed" });
    response.writeHead(422).end("this key belongs to another charge");
    return;
  }
  if (!known) {
    charges.set(key, charge);
    append(ledgerFile, charge);
  }
  const answer = luck < 0.2 ? "hung-up" : luck < 0.23 ? "late" : "ok";
  note({ charge: known ? "found" : "made", answer });
  await delay(answer === "late" ? 1_500 : between(50, 400));
  if (answer === "hung-up") request.socket.destroy();
  else response.end(JSON.stringify({ chargeId: charge.chargeId, amountCents }));
}

/** On disk before the call goes on. */
function append(path: string, line: Charge | Call): void {
  appendFileSync(path, `${JSON.stringify(line)}\n`);
}

function between(low: number, high: number): number {
  return low + Math.random() * (high - low);
}

const server = createServer((request, response) => {
  handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
});
server.listen(Number(new URL(paymentUrl).port), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

// It lives as long as whoever started it, or until Ctrl-D.
process.stdin.on("end", () => process.exit()).resume();
