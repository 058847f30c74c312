/** Starting and working without making an engine. */
import { defaultEngine, defaultWorker } from "./default-engine.ts";
import type { StartArgs, WorkerHandle, WorkOptions } from "./engine.ts";
import { PerdureError } from "./errors.ts";
import type { StartOptions } from "./runtime/start-options.ts";
import type { RunHandle } from "./runtime/run-handle.ts";
import { currentScope } from "./workflow/context.ts";
import type { Workflow } from "./workflow/workflow.ts";

/**
 * Starts a run on the default engine, and works in this process too, unless it is told to be a client only.
 *
 * @throws PerdureError as `engine.start` does.
 * @example const run = await start(onboarding, { id: "u1" });
 */
export function start<Input, Output>(
  workflow: Workflow<Input, Output>,
  ...args: StartArgs<Input>
): Promise<RunHandle<Output>>;
export function start(workflow: string, input?: unknown, options?: StartOptions): Promise<RunHandle>;
export async function start(
  workflow: Workflow<never, unknown> | string,
  input?: unknown,
  options?: StartOptions,
): Promise<RunHandle> {
  refuseInRun();
  const { engine } = await defaultEngine();
  const run = await engine.start(workflow as string, input, options);
  await defaultWorker();
  return run;
}

/** A start is an effect: replay would repeat it. */
function refuseInRun(): void {
  const scope = currentScope();
  if (scope?.kind !== "run") return;
  throw new PerdureError(
    "NOT_IN_RUN",
    `start() was called by the code of run "${scope.runId}". Starting another run is an effect: do it in a step.`,
  );
}

/**
 * Has this process work for the default engine: a server resumes its pending runs with it when it boots.
 *
 * @throws PerdureError as `engine.work` does.
 */
export async function work(options: WorkOptions = {}): Promise<WorkerHandle> {
  return (await defaultWorker(options))!;
}
