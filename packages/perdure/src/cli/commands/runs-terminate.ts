/** `perdure runs terminate` */
import type { Command } from "commander";
import { openExistingStore } from "../existing-store.ts";
import { printable } from "../display-text.ts";
import { addCommonOptions, outputFor, type CommonOptions } from "./common-options.ts";

interface TerminateOptions extends CommonOptions {
  reason?: string;
}

export function addRunsTerminate(runs: Command): void {
  const command = runs
    .command("terminate")
    .description("end a run at once, without its clean-up")
    .argument("<id>", "the run's id")
    .option("--reason <text>", "kept with the run");
  addCommonOptions(command)
    .addHelpText(
      "after",
      `
Example:
  perdure runs terminate order:o1 --reason "ordered twice"`,
    )
    .action(terminateRun);
}

async function terminateRun(id: string, options: TerminateOptions): Promise<void> {
  const output = outputFor(options);
  const { engine } = await openExistingStore(options, output, id);
  try {
    const { reason } = options;
    const isEnded = await engine.run(id).terminate({ ...(reason !== undefined && { reason }) });
    const status = await engine.run(id).status();
    if (output.isJson) output.document({ id, terminated: isEnded, status });
    else if (isEnded) output.line(`Run ${printable(id)} is terminated.`);
    else output.line(`Run ${printable(id)} had ended before: it is ${status}.`);
  } finally {
    await engine.close();
  }
}
