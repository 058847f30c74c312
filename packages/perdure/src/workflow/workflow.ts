/** Workflows: plain async functions that coordinate steps. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { PerdureError } from "../errors.ts";
import { requireRun } from "./context.ts";
import { registerWorkflow } from "./registry.ts";
import { callerModule } from "./source-place.ts";
import { createWorkflowSpec, type WorkflowOptions, type WorkflowSpec } from "./workflow-spec.ts";

/** The one input of a workflow, or none. */
export type InputArgs<Input> = void extends Input ? [] : [input: Input];

/** A declared workflow. `Input` is what a start takes: with a schema, what goes into it. */
export interface Workflow<Input, Output> {
  (...input: InputArgs<Input>): Promise<Output>;
  readonly workflowName: string;
  /** The bare function, for unit tests: its steps are then plain calls. */
  readonly fn: (input: never) => unknown;
  readonly spec: WorkflowSpec;
}

/**
 * Declares a workflow: an async function over one input, or none, that survives crashes. Start it with `start()` or
 * `engine.start()`. Everything with an effect, and everything that differs from call to call, belongs into a step.
 *
 * @throws PerdureError `INVALID_NAME`, `INVALID_OPTION`, `INVALID_DURATION`.
 * @example
 * export const order = workflow("order", async (input: { id: string }) => {
 *   const payment = await charge(input.id);
 *   await sleep("1d");
 *   return payment;
 * });
 */
export function workflow<Result>(name: string, fn: () => Result): Workflow<void, Awaited<Result>>;
export function workflow<Input, Result>(
  name: string,
  fn: (input: Input) => Result,
): Workflow<Input, Awaited<Result>>;
export function workflow<Schema extends StandardSchemaV1, Result>(
  name: string,
  options: WorkflowOptions & { input: Schema },
  fn: (input: StandardSchemaV1.InferOutput<Schema>) => Result,
): Workflow<StandardSchemaV1.InferInput<Schema>, Awaited<Result>>;
export function workflow<Result>(
  name: string,
  options: WorkflowOptions,
  fn: () => Result,
): Workflow<void, Awaited<Result>>;
export function workflow<Input, Result>(
  name: string,
  options: WorkflowOptions,
  fn: (input: Input) => Result,
): Workflow<Input, Awaited<Result>>;
export function workflow(
  name: string,
  optionsOrFn: WorkflowOptions | ((input: never) => unknown),
  fn?: (input: never) => unknown,
): Workflow<void, unknown> {
  const [options, run] = typeof optionsOrFn === "function" ? [{}, optionsOrFn] : [optionsOrFn, fn!];
  const spec = createWorkflowSpec(name, options, run, callerModule());
  registerWorkflow(spec);
  return Object.assign((): Promise<never> => callAsChild(name), { workflowName: name, fn: run, spec });
}

async function callAsChild(name: string): Promise<never> {
  const scope = requireRun(`Workflow "${name}"`);
  throw new PerdureError(
    "NOT_IN_RUN",
    `Workflow "${name}" was called by run "${scope.runId}". Child runs are not there yet: make what it does a step, or start it ` +
      `from a step with engine.start().`,
  );
}
