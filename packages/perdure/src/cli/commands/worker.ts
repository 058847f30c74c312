/** `perdure worker` */
import type { Command } from "commander";
import type { Engine, StopOptions, WorkerHandle } from "../../engine.ts";
import { parseDuration } from "../../model/duration.ts";
import { plural, printable } from "../display-text.ts";
import { loadWorkflows } from "../load-module.ts";
import { openEngine } from "../open-engine.ts";
import type { Output } from "../output.ts";
import { keepAlive, onStopSignal } from "../stop-signals.ts";
import { addCommonOptions, outputFor, parseCount, type CommonOptions } from "./common-options.ts";

interface WorkerOptions extends CommonOptions {
  concurrency?: number;
  lease?: string;
  drainTimeout: string;
}

export function addWorker(program: Command): void {
  const command = program
    .command("worker")
    .description("execute the runs of the workflows that the files define, until it is stopped")
    .argument("<file...>", "TypeScript or JavaScript files that define workflows, or import those that do")
    .option("--concurrency <count>", "runs that are live at a time (default: 100)", parseCount)
    .option("--lease <duration>", "how long it may be silent before others take its runs (default: 10s)")
    .option("--drain-timeout <duration>", "how long running steps may take to end when it is stopped", "10s");
  addCommonOptions(command)
    .addHelpText(
      "after",
      `
SIGTERM or Ctrl-C lets running steps end and hands everything back; a second one ends it at once. Either way nothing is lost.

Examples:
  perdure worker src/workflows.ts
  perdure worker src/orders.ts src/refunds.ts --concurrency 20 --store sqlite:/var/lib/app/runs.db`,
    )
    .action(work);
}

async function work(files: string[], options: WorkerOptions): Promise<void> {
  const output = outputFor(options);
  if (output.isJson) output.reserve();
  parseDuration(options.drainTimeout, "--drain-timeout");
  if (options.lease !== undefined) parseDuration(options.lease, "--lease");
  const { lease } = options;
  const opened = await openEngine({ ...options, ...(lease !== undefined && { lease }) }, output);
  const { engine } = opened;
  const letGo = keepAlive();
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let worker: WorkerHandle | null = null;
  const unlisten = onStopSignal((signal) => {
    tellStopping(signal, worker?.liveCount ?? 0, output);
    stop();
  });
  try {
    const workflows = await loadWorkflows(files);
    const { concurrency } = options;
    worker = await engine.work({ ...opened.work, ...(concurrency !== undefined && { concurrency }) });
    const names = [...new Set(workflows.map(({ name }) => name))];
    const { store } = await engine.health();
    if (output.isJson) {
      output.record({
        type: "ready",
        worker: worker.id,
        pid: process.pid,
        store: store.description,
        workflows: names,
      });
    } else {
      const { style } = output;
      output.line(
        `${style.green("ready")} on ${printable(store.description)}, serving ${names.map((name) => style.bold(printable(name))).join(", ")}`,
      );
    }
    await stopped;
    await drain(engine, worker, { drain: options.drainTimeout }, output);
  } finally {
    await engine.close({ drain: false });
    letGo();
    unlisten();
  }
}

function tellStopping(signal: string, liveCount: number, output: Output): void {
  if (output.isJson) output.record({ type: "stopping", signal, live: liveCount });
  else {
    const why = liveCount === 0 ? "" : `: ${plural(liveCount, "live run")} first. Again to stop at once`;
    output.note(`${signal === "SIGINT" && process.stderr.isTTY ? "\n" : ""}stopping${why}`);
  }
}

async function drain(
  engine: Engine,
  worker: WorkerHandle,
  options: StopOptions,
  output: Output,
): Promise<void> {
  await worker.stop(options);
  await engine.close();
  if (output.isJson) output.record({ type: "stopped" });
  else output.note("stopped; what is not done waits for the next worker");
}
