/** `perdure dev` */
import type { Command } from "commander";
import { plural, printable } from "../display-text.ts";
import { nameOfFile } from "../load-failure.ts";
import { requireFile } from "../load-module.ts";
import type { Output } from "../output.ts";
import { DevSupervisor, type DevEvents } from "../dev-supervisor.ts";
import { keepAlive, onStopSignal } from "../stop-signals.ts";
import { momentText, spanText } from "../time-text.ts";
import { addCommonOptions, outputFor, parseCount, type CommonOptions } from "./common-options.ts";

interface DevOptions extends CommonOptions {
  concurrency?: number;
}

const drainMs = 10_000;

export function addDev(program: Command): void {
  const command = program
    .command("dev")
    .description(
      "work on the runs of a file's workflows, show what happens, and start again when the code changes",
    )
    .argument("<file>", "a TypeScript or JavaScript file that defines workflows")
    .option("--concurrency <count>", "runs that are live at a time (default: 100)", parseCount);
  addCommonOptions(command)
    .addHelpText(
      "after",
      `
Live runs go on with the new code within a second of a save. A file with a mistake in it stops the work, not the runs: they go
on with the next save. Start runs from another terminal, or from your own program on the same store.

Examples:
  perdure dev src/workflows.ts
  perdure dev order.ts --store sqlite:./try.db`,
    )
    .action(dev);
}

async function dev(file: string, options: DevOptions): Promise<void> {
  const output = outputFor(options);
  const path = requireFile(file);
  const { store, concurrency, json = false, verbose = false } = options;
  const letGo = keepAlive();
  const supervisor = new DevSupervisor(
    {
      file: path,
      json,
      verbose,
      ...(store !== undefined && { store }),
      ...(concurrency !== undefined && { concurrency }),
    },
    output.isJson ? recordEvents(output) : tellEvents(output),
  );
  const stopped = new Promise<void>((resolve) => {
    const unlisten = onStopSignal(
      (signal) => {
        if (output.isJson) output.record({ type: "stopping", signal });
        else
          output.note(
            `${process.stderr.isTTY ? "\n" : ""}stopping once running steps have ended; again to stop at once`,
          );
        void supervisor.stop(drainMs).then(() => {
          unlisten();
          resolve();
        });
      },
      () => supervisor.kill(),
    );
  });
  supervisor.start();
  await stopped;
  letGo();
  if (output.isJson) output.record({ type: "stopped" });
  else output.note("stopped; what is not done goes on with the next worker");
}

function recordEvents(output: Output): DevEvents {
  return {
    onReady: ({ type, worker, store, workflows, fileCount, tookMs }) =>
      output.record({ type, worker, store, workflows, files: fileCount, tookMs: Math.round(tookMs) }),
    onRefused: ({ type, code, text }) =>
      output.record({ type, code, message: text.slice(text.indexOf(": ") + 2) }),
    onChange: (files) => output.record({ type: "changed", files }),
    onDeath: (how) => output.record({ type: "died", how }),
  };
}

function tellEvents(output: Output): DevEvents {
  const { style, isTerminal } = output;
  let isFirst = true;
  const tell = (text: string): void =>
    output.line(`${style.dim(momentText(Date.now(), { forPeople: isTerminal }))} ${text}`);
  return {
    onReady: ({ store, workflows, fileCount, tookMs }) => {
      const names = workflows.map((name) => style.bold(printable(name))).join(", ");
      if (isFirst)
        output.note(style.dim(`${printable(store)}; ${plural(fileCount, "file")} watched; Ctrl-C stops`));
      isFirst = false;
      tell(`${style.green("ready")} in ${spanText(tookMs)}, serving ${names}`);
    },
    onRefused: ({ text }) => {
      const at = text.indexOf(":") + 1;
      output.note(`\n${style.red(text.slice(0, at))}${text.slice(at)}\n`);
      tell(style.yellow("waiting for the next save; runs are kept"));
    },
    onChange: (files) => {
      const more = files.length === 1 ? "" : ` and ${files.length - 1} more`;
      tell(style.cyan(`${nameOfFile(files[0]!)}${more} changed`));
    },
    onDeath: (how) => tell(style.red(`the worker ended (${printable(how)}); save a file to start it again`)),
  };
}
