#!/usr/bin/env node
/** The `perdure` command. */
import { CommanderError } from "commander";
import { errorCodeOf, errorText, exitCodeOf, exitCodes } from "./cli-error.ts";
import { endWhenNobodyReads } from "./output.ts";
import { createProgram, readCommanderError } from "./program.ts";
import { findProjectCommand } from "./project-copy.ts";
import { createStyle } from "./style.ts";

const args = process.argv.slice(2);
const projectCommand = findProjectCommand(args);
if (projectCommand) await import(projectCommand.href);
else await main();

async function main(): Promise<void> {
  endWhenNobodyReads();
  try {
    await createProgram().parseAsync(args, { from: "user" });
  } catch (error) {
    fail(error instanceof CommanderError ? readCommanderError(error) : error);
  }
}

function fail(error: unknown): void {
  if (error === null) return;
  process.exitCode = exitCodeOf(error);
  const text = errorText(error, { verbose: args.includes("--verbose") });
  if (args.includes("--json")) {
    const message = text.slice(text.indexOf(": ") + 2);
    process.stderr.write(`${JSON.stringify({ error: { code: errorCodeOf(error), message } })}\n`);
    return;
  }
  const style = createStyle(process.stderr.isTTY);
  const at = text.indexOf(":") + 1;
  process.stderr.write(`${style.red(text.slice(0, at))}${text.slice(at)}\n`);
  if (process.exitCode === exitCodes.trouble && errorCodeOf(error) === "INTERNAL_ERROR") {
    process.stderr.write(style.dim("This is not your fault. --verbose shows where it happened.\n"));
  }
}
