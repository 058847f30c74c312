/** Retry policies: what users write, and the delay before each attempt. */
import { PerdureError } from "../errors.ts";
import { parseDuration, type Duration } from "./duration.ts";

/** How the delay between two attempts grows. */
export type Backoff = "exponential" | "linear" | "fixed";

/** When a failed attempt is tried again, and how often. Every option has a default. */
export interface RetryOptions {
  /** Attempts in all, the first included. Default 4. `1` never retries. */
  maxAttempts?: number;
  /** How delays grow: `exponential` (delay × factor^n, the default), `linear` (delay × n) or `fixed`. */
  backoff?: Backoff;
  /** Before the second attempt. Default `"1s"`. */
  initialDelay?: Duration;
  /** Growth of an exponential back-off. Default 2. */
  factor?: number;
  /** No delay is longer. Default `"1m"`. */
  maxDelay?: Duration;
  /** The part of each delay that is random, from 0 to 1; `true` is 1, `false` is 0. Default 0.2: 80 to 100 %. */
  jitter?: boolean | number;
  /** Whether this failure is worth another attempt. Default: always. Not asked for a `FatalError`. */
  retryIf?: (error: unknown) => boolean;
}

/** A policy with every default in place and every value checked. */
export interface RetryPolicy {
  maxAttempts: number;
  backoff: Backoff;
  initialDelayMs: number;
  factor: number;
  maxDelayMs: number;
  jitter: number;
  retryIf?: (error: unknown) => boolean;
}

/**
 * @param what names the owner in errors, such as `step "charge"`.
 * @throws PerdureError `INVALID_OPTION` or `INVALID_DURATION`.
 */
export function resolveRetry(options: RetryOptions = {}, what: string): RetryPolicy {
  const maxAttempts = options.maxAttempts ?? 4;
  const factor = options.factor ?? 2;
  const backoff = options.backoff ?? "exponential";
  const jitter = options.jitter === undefined ? 0.2 : Number(options.jitter);
  if (!(maxAttempts === Infinity || Number.isSafeInteger(maxAttempts)) || maxAttempts < 1) {
    throw invalid(what, "retry.maxAttempts", maxAttempts, "a whole number from 1, or Infinity");
  }
  if (!Number.isFinite(factor) || factor < 1) throw invalid(what, "retry.factor", factor, "a number from 1");
  if (!["exponential", "linear", "fixed"].includes(backoff)) {
    throw invalid(what, "retry.backoff", backoff, '"exponential", "linear" or "fixed"');
  }
  if (!(jitter >= 0 && jitter <= 1))
    throw invalid(what, "retry.jitter", options.jitter, "a number from 0 to 1");
  return {
    maxAttempts,
    backoff,
    initialDelayMs: parseDuration(options.initialDelay ?? "1s", `retry.initialDelay of ${what}`),
    factor,
    maxDelayMs: parseDuration(options.maxDelay ?? "1m", `retry.maxDelay of ${what}`),
    jitter,
    ...(options.retryIf && { retryIf: options.retryIf }),
  };
}

/**
 * The delay after the attempt with this number (1 is the first) has failed.
 *
 * @param random from 0 up to, not including, 1.
 */
export function retryDelayMs(policy: RetryPolicy, attempt: number, random: number): number {
  const grown =
    policy.backoff === "fixed"
      ? policy.initialDelayMs
      : policy.backoff === "linear"
        ? policy.initialDelayMs * attempt
        : policy.initialDelayMs * policy.factor ** (attempt - 1);
  // 0 × Infinity: a long exponential of no delay at all.
  const delay = Math.min(policy.maxDelayMs, Number.isNaN(grown) ? 0 : grown);
  return Math.ceil(delay * (1 - policy.jitter * random));
}

function invalid(what: string, option: string, found: unknown, wanted: string): PerdureError {
  return new PerdureError(
    "INVALID_OPTION",
    `${option} of ${what} is ${String(found)}. It must be ${wanted}.`,
  );
}
