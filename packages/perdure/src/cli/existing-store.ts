/** Opens a store to ask about one run: a store that is not there yet has none, and is not made for the question. */
import { CliError } from "./cli-error.ts";
import { printable } from "./display-text.ts";
import { openEngine, type OpenedEngine, type StoreOption } from "./open-engine.ts";
import type { Output } from "./output.ts";

/** @throws CliError `RUN_NOT_FOUND`. */
export async function openExistingStore(
  options: StoreOption,
  output: Output,
  runId: string,
): Promise<OpenedEngine> {
  const opened = await openEngine(options, output);
  if (opened.missingFile === null) return opened;
  throw new CliError(
    "RUN_NOT_FOUND",
    `There is no run "${printable(runId)}": ${printable(opened.missingFile)} does not exist. Go to the folder where the runs are, or name the store with --store.`,
  );
}
