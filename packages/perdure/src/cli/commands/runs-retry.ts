/** `perdure runs retry` */
import type { Command } from "commander";
import { describeStand } from "../run-progress.ts";
import { openExistingStore } from "../existing-store.ts";
import { storeArgument } from "../open-engine.ts";
import { printable } from "../display-text.ts";
import { addCommonOptions, outputFor, type CommonOptions } from "./common-options.ts";

export function addRunsRetry(runs: Command): void {
  const command = runs
    .command("retry")
    .description("have a failed run go on from the step that failed")
    .argument("<id>", "the run's id");
  addCommonOptions(command)
    .addHelpText(
      "after",
      `
A worker takes it up: perdure worker <file>, or perdure dev <file>.

Examples:
  perdure runs retry order:o1
  perdure runs list --status failed --json | jq -r '.items[].id' | xargs -n1 perdure runs retry`,
    )
    .action(retryRun);
}

async function retryRun(id: string, options: CommonOptions): Promise<void> {
  const output = outputFor(options);
  const { engine } = await openExistingStore(options, output, id);
  try {
    await engine.run(id).retry();
    const stand = await describeStand(engine, id);
    if (output.isJson) output.document({ id, retried: true, stand });
    else {
      output.line(`Run ${printable(id)} goes on from where it failed; it is ${printable(stand)}.`);
      output.note(output.noteStyle.dim(`See how it goes: perdure runs show ${id}${storeArgument(options)}`));
    }
  } finally {
    await engine.close();
  }
}
