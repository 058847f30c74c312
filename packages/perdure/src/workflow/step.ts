/** Steps: the only place for side effects. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { currentScope } from "./context.ts";
import {
  createStepSpec,
  withCallOptions,
  type StepCallOptions,
  type StepOptions,
  type StepSpec,
} from "./step-spec.ts";

/** A step's function, durable when a workflow calls it, and just the function anywhere else. */
export interface Step<Args extends unknown[], Result> {
  (...args: Args): Promise<Awaited<Result>>;
  readonly stepName: string;
  /** The bare function. */
  readonly fn: (...args: Args) => Result;
  /**
   * The same step with other options for one call.
   *
   * @example await charge.with({ timeout: "10s" })(order);
   */
  with(options: StepCallOptions): (...args: Args) => Promise<Awaited<Result>>;
}

interface StepFactory {
  /**
   * Declares a step. Its function runs at least once; its outcome is recorded exactly once, and what the workflow
   * gets is the recorded copy.
   *
   * Failures are retried: 4 attempts, exponential from 1 s to 1 min, unless `options.retry` says otherwise. `FatalError` is
   * never retried, `RetryableError` chooses its delay.
   *
   * @throws PerdureError `INVALID_NAME`, `INVALID_OPTION`, `INVALID_DURATION`.
   * @example
   * const charge = step("charge", { retry: { maxAttempts: 5 } }, async (order: Order) => payments.charge(order));
   */
  <Args extends unknown[], Result>(name: string, fn: (...args: Args) => Result): Step<Args, Result>;
  <Input extends StandardSchemaV1, Result>(
    name: string,
    options: StepOptions & { input: Input },
    fn: (input: StandardSchemaV1.InferOutput<Input>) => Result,
  ): Step<[input: StandardSchemaV1.InferInput<Input>], Result>;
  <Args extends unknown[], Result>(
    name: string,
    options: StepOptions,
    fn: (...args: Args) => Result,
  ): Step<Args, Result>;
  /**
   * Runs a closure as a step, in place.
   *
   * @example const total = await step.run("sum", () => expensiveSum(items));
   */
  run<Result>(name: string, fn: () => Result): Promise<Awaited<Result>>;
  run<Result>(name: string, options: StepOptions, fn: () => Result): Promise<Awaited<Result>>;
}

type AnyFunction = (...args: never[]) => unknown;

function declare(
  name: string,
  optionsOrFn: StepOptions | AnyFunction,
  fn?: AnyFunction,
): Step<unknown[], unknown> {
  const [options, run] = typeof optionsOrFn === "function" ? [{}, optionsOrFn] : [optionsOrFn, fn!];
  const spec = createStepSpec(name, options, run);
  return Object.assign((...args: unknown[]) => call(spec, args), {
    stepName: name,
    fn: run as (...args: unknown[]) => unknown,
    with: (callOptions: StepCallOptions) => {
      const changed = withCallOptions(spec, callOptions);
      return (...args: unknown[]) => call(changed, args);
    },
  });
}

function runInPlace(
  name: string,
  optionsOrFn: StepOptions | AnyFunction,
  fn?: AnyFunction,
): Promise<unknown> {
  const [options, run] = typeof optionsOrFn === "function" ? [{}, optionsOrFn] : [optionsOrFn, fn!];
  return call(createStepSpec(name, options, run), []);
}

/** In a step's function, and outside of a run, a step is just its function. */
async function callPlainly(spec: StepSpec, args: readonly unknown[]): Promise<unknown> {
  return spec.run(...(args as never[]));
}

function call(spec: StepSpec, args: readonly unknown[]): Promise<unknown> {
  const scope = currentScope();
  if (scope?.kind !== "run") return callPlainly(spec, args);
  return scope.perform({ kind: "step", name: spec.name, spec, args });
}

export const step = Object.assign(declare, { run: runInPlace }) as unknown as StepFactory;
