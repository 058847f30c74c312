/**
 * One try at a step's function.
 *
 * A1. It ends with an outcome: whatever the function does is data.
 * A2. It ends at most once, and at the latest when its time is over; what the function does after that is not seen.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Clock } from "../clock.ts";
import { FatalError, PerdureError, TimeoutError } from "../errors.ts";
import { encodePayload } from "../model/payload.ts";
import type { Limits } from "../model/limits.ts";
import { withScope, type StepInfo, type StepScope } from "../workflow/context.ts";
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
  /** Called once. */
  onEnd: (outcome: AttemptOutcome) => void;
}

/** What the function may know of its attempt; made for it alone, since most functions never ask for the signal. */
class AttemptInfo implements StepInfo {
  readonly runId: string;
  readonly workflow: string;
  readonly step: string;
  readonly attempt: number;
  readonly #op: number;
  #controller: AbortController | null = null;
  #abortReason: Error | null = null;

  constructor({ runId, workflow, op, attempt, spec }: AttemptRequest) {
    this.runId = runId;
    this.workflow = workflow;
    this.step = spec.name;
    this.attempt = attempt;
    this.#op = op;
  }

  get idempotencyKey(): string {
    // The name belongs to it: after a rewinding another step may have the number.
    return `${this.runId}/${this.#op}/${this.step}`;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortReason) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }
}

export class Attempt implements StepScope {
  readonly kind = "step";
  readonly info: AttemptInfo;
  readonly #request: AttemptRequest;
  #isOver = false;
  #disarm: (() => void) | null = null;

  constructor(request: AttemptRequest) {
    this.#request = request;
    this.info = new AttemptInfo(request);
  }

  /** Calls the function. */
  begin(): void {
    const { limitMs, clock } = this.#request;
    if (limitMs !== null) {
      this.#disarm = clock.after(limitMs, () => this.#runOut(), { keepAlive: true });
    }
    if (this.#request.spec.input) void this.#checkInput(this.#request.spec.input);
    else this.#call(this.#request.args);
  }

  /** Fires the signal. How the function ends after that is not told. */
  abort(reason: Error): void {
    this.#isOver = true;
    this.#disarm?.();
    this.info.abort(reason);
  }

  #runOut(): void {
    const { attempt, spec, limitName, limitMs } = this.#request;
    const error = new TimeoutError(
      `Attempt ${attempt} of step "${spec.name}" ran into its ${limitName} after ${limitMs} ms.`,
    );
    this.#end({ status: "failed", error });
    this.abort(error);
  }

  async #checkInput(schema: StandardSchemaV1): Promise<void> {
    const { spec, args } = this.#request;
    try {
      this.#call(await checkedArgs(schema, spec.name, args));
    } catch (error) {
      this.#end({ status: "failed", error });
    }
  }

  #call(args: readonly unknown[]): void {
    let result: unknown;
    try {
      result = withScope(this, this.#request.spec.run, ...(args as never[]));
    } catch (error) {
      this.#end({ status: "failed", error });
      return;
    }
    Promise.resolve(result).then(
      (value) => void this.#return(value),
      (error: unknown) => this.#end({ status: "failed", error }),
    );
  }

  #return(value: unknown): void | Promise<void> {
    const { spec, limits } = this.#request;
    const what = `The result of step "${spec.name}"`;
    if (spec.output) {
      return checkSchema(spec.output, value, "INVALID_OUTPUT", what).then(
        (checked) => this.#complete(checked, what, limits),
        (error: unknown) => this.#end({ status: "failed", error }),
      );
    }
    this.#complete(value, what, limits);
  }

  #complete(value: unknown, what: string, limits: Limits): void {
    let outcome: AttemptOutcome;
    try {
      outcome = { status: "completed", payload: encodePayload(value, what, limits) };
    } catch (error) {
      outcome = { status: "failed", error };
    }
    this.#end(outcome);
  }

  #end(outcome: AttemptOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#disarm?.();
    this.#request.onEnd(outcome);
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
