/** A step as it was declared: its options checked, its defaults in place. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { PerdureError } from "../errors.ts";
import { parseDuration, type Duration } from "../model/duration.ts";
import { resolveRetry, type RetryOptions, type RetryPolicy } from "../model/retry.ts";

/** How a step is tried, bounded and checked. */
export interface StepOptions {
  /** When and how often to try again. Default: 4 attempts, exponential from 1 s to 1 min. */
  retry?: RetryOptions;
  /** How long one attempt may take; its signal then fires and it has failed. Default: no limit. */
  timeout?: Duration;
  /** How long all attempts together may take, back-off included. Default: no limit. */
  deadline?: Duration;
  /** Checks the first argument before the function is called. A refusal fails the step at once. */
  input?: StandardSchemaV1;
  /** Checks the result before it is recorded. A refusal fails the step at once. */
  output?: StandardSchemaV1;
  /**
   * At most once: an attempt whose outcome nobody knows rejects with `OutcomeUnknownError` instead of running again.
   * Attempts that failed for sure follow the retry policy. Default false.
   */
  once?: boolean;
  title?: string;
  description?: string;
  tags?: readonly string[];
}

export interface StepSpec {
  readonly name: string;
  readonly run: (...args: never[]) => unknown;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number | null;
  readonly deadlineMs: number | null;
  readonly input: StandardSchemaV1 | null;
  readonly output: StandardSchemaV1 | null;
  readonly once: boolean;
}

/** What one call may change: see `step(…).with`. */
export interface StepCallOptions {
  timeout?: Duration;
  deadline?: Duration;
  retry?: RetryOptions;
}

/** @throws PerdureError `INVALID_NAME`, `INVALID_OPTION`, `INVALID_DURATION`. */
export function createStepSpec(name: string, options: StepOptions, run: StepSpec["run"]): StepSpec {
  requireName(name, "A step");
  const what = `step "${name}"`;
  if (typeof run !== "function") {
    throw new PerdureError(
      "INVALID_OPTION",
      `${what} was given no function. Write step(name, options, async (…) => …).`,
    );
  }
  return {
    name,
    run,
    retry: resolveRetry(options.retry, what),
    timeoutMs: options.timeout === undefined ? null : parseDuration(options.timeout, `timeout of ${what}`),
    deadlineMs:
      options.deadline === undefined ? null : parseDuration(options.deadline, `deadline of ${what}`),
    input: options.input ?? null,
    output: options.output ?? null,
    once: options.once ?? false,
  };
}

/** The same step with other options for one call. */
export function withCallOptions(spec: StepSpec, options: StepCallOptions): StepSpec {
  const what = `this call of step "${spec.name}"`;
  return {
    ...spec,
    ...(options.retry && { retry: resolveRetry(options.retry, what) }),
    ...(options.timeout !== undefined && { timeoutMs: parseDuration(options.timeout, `timeout of ${what}`) }),
    ...(options.deadline !== undefined && {
      deadlineMs: parseDuration(options.deadline, `deadline of ${what}`),
    }),
  };
}

/** Names are shown, searched and typed by people: printable, without line breaks, at most 200 characters. */
export function requireName(name: unknown, what: string): asserts name is string {
  if (
    typeof name === "string" &&
    name.trim() !== "" &&
    name.length <= 200 &&
    !/[\u0000-\u001f\u007f\ud800-\udfff]/u.test(name)
  )
    return;
  throw new PerdureError(
    "INVALID_NAME",
    `${what} was given the name ${(JSON.stringify(name) as string | undefined)?.slice(0, 80) ?? typeof name}. A name is a text of 1 to 200 printable characters.`,
  );
}
