/**
 * One try at a step's function.
 *
 * A1. It settles with an outcome and never rejects: whatever the function does is data.
 * A2. It settles at most once, and at the latest when its time is over; what the function does after that is not seen.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Clock } from "../clock.ts";
import { FatalError, PerdureError, TimeoutError } from "../errors.ts";
import { encodePayload } from "../model/payload.ts";
import type { Limits } from "../model/limits.ts";
import { withScope, type StepInfo } from "../workflow/context.ts";
import { checkSchema } from "../workflow/schema.ts";
import type { StepSpec } from "../workflow/step-spec.ts";

export type AttemptOutcome = { status: "completed"; payload: string } | { status: "failed"; error: unknown };

export interface AttemptRequest {
  runId: string;
  workflow: string;
  op: number;
  attempt: number;
  spec: StepSpec;
  args: readonly unknown[];
  /** How long the attempt may take; null for no limit. */
  limitMs: number | null;
  /** What is said when that is over. */
  limitName: "timeout" | "deadline";
  limits: Limits;
  clock: Clock;
}

export interface Attempt {
  readonly op: number;
  readonly outcome: Promise<AttemptOutcome>;
  /** Fires the attempt's signal. */
  abort(reason: Error): void;
}

export function startAttempt(request: AttemptRequest): Attempt {
  const { spec, limitMs, clock } = request;
  const controller = new AbortController();
  const info: StepInfo = {
    runId: request.runId,
    workflow: request.workflow,
    step: spec.name,
    attempt: request.attempt,
    // The name belongs to it: after a rewinding another step may have the number.
    idempotencyKey: `${request.runId}/${request.op}/${spec.name}`,
    signal: controller.signal,
  };
  const outcome = new Promise<AttemptOutcome>((resolve) => {
    let disarm = (): void => undefined;
    if (limitMs !== null) {
      disarm = clock.after(
        limitMs,
        () => {
          const error = new TimeoutError(
            `Attempt ${request.attempt} of step "${spec.name}" ran into its ${request.limitName} after ${limitMs} ms.`,
          );
          resolve({ status: "failed", error });
          controller.abort(error);
        },
        { keepAlive: true },
      );
    }
    void callFunction(request, info).then((result) => {
      disarm();
      resolve(result);
    });
  });
  return { op: request.op, outcome, abort: (reason) => controller.abort(reason) };
}

async function callFunction(request: AttemptRequest, info: StepInfo): Promise<AttemptOutcome> {
  const { spec } = request;
  try {
    const args = spec.input ? await checkedArgs(spec.input, spec.name, request.args) : request.args;
    let result = await withScope({ kind: "step", info }, () => spec.run(...(args as never[])));
    if (spec.output) {
      result = await checkSchema(spec.output, result, "INVALID_OUTPUT", `The result of step "${spec.name}"`);
    }
    return {
      status: "completed",
      payload: encodePayload(result, `The result of step "${spec.name}"`, request.limits),
    };
  } catch (error) {
    return { status: "failed", error };
  }
}

async function checkedArgs(
  schema: StandardSchemaV1,
  name: string,
  [first, ...rest]: readonly unknown[],
): Promise<unknown[]> {
  return [await checkSchema(schema, first, "INVALID_INPUT", `The input of step "${name}"`), ...rest];
}

/** A failure that another attempt would only repeat: a fatal one, or a misuse. Trouble of a store passes. */
export function isFinalFailure(error: unknown): boolean {
  return error instanceof FatalError || (error instanceof PerdureError && !error.code.startsWith("STORE_"));
}
