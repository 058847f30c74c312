/** The client of the payment service, as any application would have it. */
import { FatalError } from "perdure";
import { paymentUrl } from "./settings.ts";

export interface ChargeRequest {
  orderId: string;
  amountCents: number;
}

export interface Payment {
  chargeId: string;
  amountCents: number;
}

/** Charges once for each key, however often it is called. */
export async function charge(
  request: ChargeRequest,
  options: { idempotencyKey: string; attempt: number; signal: AbortSignal },
): Promise<Payment> {
  const response = await fetch(`${paymentUrl}/charges`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "idempotency-key": options.idempotencyKey,
      "x-attempt": String(options.attempt), // for the service's log
    },
    body: JSON.stringify(request),
    signal: options.signal,
  });
  const body = await response.text();
  if (response.ok) return JSON.parse(body) as Payment;
  const message = `The payment service answered ${response.status}: ${body}`;
  // What it refuses today it will refuse tomorrow; what broke on its side is worth another attempt.
  throw response.status < 500 ? new FatalError(message) : new Error(message);
}
