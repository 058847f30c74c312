/** `perdure run` */
import type { Command } from "commander";
import type { Engine, WorkerHandle } from "../../engine.ts";
import type { StartOptions } from "../../runtime/start-options.ts";
import type { RunHandle } from "../../runtime/run-handle.ts";
import type { RunDetails } from "../../runtime/run-info.ts";
import { isEnded } from "../../model/run.ts";
import { parseDuration } from "../../model/duration.ts";
import { PerdureError } from "../../errors.ts";
import { CliError, exitCodes, type ExitCode } from "../cli-error.ts";
import { printable, printableLines } from "../display-text.ts";
import { readInput } from "../json-input.ts";
import { loadWorkflows, requireFile, requireWorkflow } from "../load-module.ts";
import { openEngine, quoteArgument, storeArgument } from "../open-engine.ts";
import { failedOperation, readOperations } from "../operations.ts";
import type { Output } from "../output.ts";
import { describeStand, showProgress } from "../run-progress.ts";
import { keepAlive, onStopSignal } from "../stop-signals.ts";
import { addCommonOptions, outputFor, type CommonOptions } from "./common-options.ts";

interface RunOptions extends CommonOptions {
  input?: string;
  id?: string;
  key?: string;
  wait: boolean;
  timeout?: string;
  continue?: string;
  retry?: string;
}

export function addRun(program: Command): void {
  const command = program
    .command("run")
    .description("start a run, work on it in this process until it ends, and print its output")
    .argument("<file>", "a TypeScript or JavaScript file that defines the workflow")
    .argument("[workflow]", "its name; not needed when the file defines only one")
    .option("--input <json>", "the input as JSON; - reads it from standard input, @name from a file")
    .option("--id <id>", "the run's id; a start with an id that exists answers with that run")
    .option("--key <key>", "idempotency key: a start with a key that exists answers with that run")
    .option("--no-wait", "only start it; a worker executes it")
    .option("--timeout <duration>", "how long to wait; the run itself goes on after that")
    .option("--continue <id>", "start nothing: work on this run until it ends")
    .option("--retry <id>", "start nothing: have this failed run go on from the step that failed");
  addCommonOptions(command)
    .addHelpText(
      "after",
      `
Standard output gets the run's output and nothing else; progress goes to standard error.

Exit codes: 0 completed, 1 failed or cancelled, 2 misuse (nothing was started), 3 trouble with the store, or time ran out.

Examples:
  perdure run order.ts order --input '{"id":"o1"}'
  perdure run order.ts --input @order.json --key o1
  echo '{"id":"o1"}' | perdure run order.ts order --input - --json | jq .output
  perdure run order.ts --retry 01998c3e-8a51-7c4e-b1f0-5b2f0c9d7a10`,
    )
    .action(run);
}

async function run(file: string, workflow: string | undefined, options: RunOptions): Promise<void> {
  const output = outputFor(options);
  output.reserve();
  requireSenseful(options);
  requireFile(file);
  const input = await readInput(options.input);
  const workflows = await loadWorkflows([file]);
  const opened = await openEngine(options, output);
  const { engine } = opened;
  try {
    const existing = options.continue ?? options.retry;
    const spec = existing === undefined ? requireWorkflow(workflows, workflow) : null;
    const { handle, told } =
      spec === null
        ? await takeUp(engine, existing!, options.retry !== undefined)
        : { handle: await engine.start(spec.name, input, startOptions(options)), told: 0 };
    if (options.wait) {
      process.exitCode = await workOn({ engine, handle, told, file, options, output, work: opened.work });
    } else await tellStarted(engine, handle, file, options, output);
  } finally {
    await engine.close({ drain: false });
  }
}

function requireSenseful(options: RunOptions): void {
  if (options.continue !== undefined && options.retry !== undefined) {
    throw new CliError("INVALID_OPTION", "--continue and --retry each name a run: give one of them.");
  }
  const existing = options.continue === undefined ? options.retry && "--retry" : "--continue";
  const starting = (["input", "id", "key"] as const).find((name) => options[name] !== undefined);
  if (existing && starting) {
    throw new CliError("INVALID_OPTION", `${existing} starts nothing: it does not go with --${starting}.`);
  }
  if (options.timeout !== undefined) parseDuration(options.timeout, "--timeout");
}

function startOptions({ id, key }: RunOptions): StartOptions {
  return { ...(id !== undefined && { id }), ...(key !== undefined && { idempotencyKey: key }) };
}

/** A run that exists; what it did before need not be told again. */
async function takeUp(
  engine: Engine,
  id: string,
  isRetry: boolean,
): Promise<{ handle: RunHandle; told: number }> {
  const handle = engine.run(id);
  if (isRetry) await handle.retry();
  const { status, eventCount } = await handle.info();
  return { handle, told: isEnded(status) ? 0 : eventCount };
}

async function tellStarted(
  engine: Engine,
  handle: RunHandle,
  file: string,
  options: RunOptions,
  output: Output,
): Promise<void> {
  const { workflow, status } = await handle.info();
  if (output.isJson) {
    output.document({ id: handle.id, workflow, created: handle.created, status });
    return;
  }
  output.line(handle.id);
  const stand = handle.created ? "started" : `was there before: ${await describeStand(engine, handle.id)}`;
  const { noteStyle: style } = output;
  output.note(`${style.green("✓")} run of ${style.bold(printable(workflow))} ${printable(stand)}`);
  if (!isEnded(status)) {
    output.note(
      style.dim(`  A worker executes it: perdure worker ${quoteArgument(file)}${storeArgument(options)}`),
    );
  }
}

interface Work {
  engine: Engine;
  handle: RunHandle;
  /** The number of the last event that was told before. */
  told: number;
  file: string;
  options: RunOptions;
  output: Output;
  work: Parameters<Engine["work"]>[0];
}

async function workOn({ engine, handle, told, file, options, output, work }: Work): Promise<ExitCode> {
  const { noteStyle: style } = output;
  const letGo = keepAlive();
  const before = await handle.info();
  tellBegin(before, handle.created, output);
  const worker = isEnded(before.status) ? null : await engine.work(work);
  const progress = showProgress(engine, handle.id, output, { after: told });
  let interrupt: () => void = () => undefined;
  const interrupted = new Promise<"interrupted">((resolve) => {
    interrupt = () => resolve("interrupted");
  });
  const unlisten = onStopSignal(() => {
    progress.stop();
    output.note(
      process.stderr.isTTY ? "\nstopping once running steps have ended; again to stop at once" : "stopping",
    );
    interrupt();
  });
  try {
    const outcome = await Promise.race([progress.ended, interrupted, timeLimit(handle.id, options.timeout)]);
    if (outcome !== "interrupted") {
      return await tellEnd(await engine.run(outcome).info(), { engine, file, options, output });
    }
    await worker?.stop({ drain: "10s" });
    const { status } = await handle.info();
    if (isEnded(status)) return await tellEnd(await handle.info(), { engine, file, options, output });
    const command = `perdure run ${quoteArgument(file)} --continue ${handle.id}${storeArgument(options)}`;
    output.note(
      `The run is kept, and goes on when a worker takes it up, or with:\n\n  ${style.bold(command)}\n`,
    );
    if (output.isJson)
      output.document({ id: handle.id, workflow: before.workflow, status, continueWith: command });
    return exitCodes.interrupted;
  } finally {
    progress.stop();
    await handBack(worker);
    unlisten();
    letGo();
  }
}

/** Other runs that this process took up along the way go to the next worker at once. */
async function handBack(worker: WorkerHandle | null): Promise<void> {
  await worker?.stop({ drain: false });
}

function timeLimit(runId: string, timeout: string | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (timeout === undefined) return;
    const error = new PerdureError(
      "RESULT_TIMEOUT",
      `Run "${runId}" did not end within ${timeout}. It is kept, and goes on when a worker takes it up.`,
    );
    setTimeout(() => reject(error), Math.min(parseDuration(timeout, "--timeout"), 2 ** 31 - 1)).unref();
  });
}

function tellBegin(run: RunDetails, isNew: boolean, output: Output): void {
  if (output.isJson) return;
  const { noteStyle: style } = output;
  const what = isNew ? "" : isEnded(run.status) ? ` was there before, and has ended` : " goes on";
  output.note(`${style.bold(printable(run.workflow))} ${style.cyan(printable(run.id))}${what}`);
}

async function tellEnd(
  run: RunDetails,
  { engine, file, options, output }: Pick<Work, "engine" | "file" | "options" | "output">,
): Promise<ExitCode> {
  const { noteStyle: style } = output;
  const isCompleted = run.status === "completed";
  const step =
    run.status === "failed"
      ? failedOperation(readOperations(await engine.run(run.id).history()), run.failure)
      : undefined;
  const retryWith = `perdure run ${quoteArgument(file)} --retry ${run.id}${storeArgument(options)}`;
  if (output.isJson) {
    const { id, workflow, status, failure } = run;
    output.document({
      id,
      workflow,
      status,
      ...(isCompleted ? { output: run.output } : { failure }),
      ...(step && { step: { name: step.name, attempts: step.attempts } }),
      ...(status === "failed" && { retryWith }),
    });
  } else if (isCompleted) {
    if (run.output !== undefined) output.document(run.output);
  } else {
    const { failure } = run;
    const where = step ? ` at step ${style.bold(printable(step.name))}, attempt ${step.attempts}` : "";
    const name = failure === undefined || failure.name === "Error" ? "" : `${printable(failure.name)}: `;
    output.note(
      `\n${style.red(`RUN_${run.status.toUpperCase()}:`)} Run ${printable(run.id)} ${run.status}${where}: ${name}${printableLines(failure?.message ?? "no reason")}`,
    );
    if (failure?.stack !== undefined && output.isVerbose)
      output.note(style.dim(printableLines(failure.stack)));
    if (run.status === "failed") output.note(`\nTry it again from there:\n\n  ${style.bold(retryWith)}\n`);
  }
  return isCompleted ? exitCodes.done : exitCodes.failed;
}
