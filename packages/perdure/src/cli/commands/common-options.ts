/** Options that every command has, and how a command is run with them. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { createOutput, type Output } from "../output.ts";

export interface CommonOptions {
  store?: string;
  json?: boolean;
  verbose?: boolean;
}

export function addCommonOptions(command: Command): Command {
  return command
    .option(
      "--store <address>",
      'where runs are kept, such as "sqlite:./runs.db" (default: PERDURE_STORE, perdure.config.ts, sqlite:./.perdure/perdure.db)',
    )
    .option("--json", "write JSON to standard output, for programs")
    .addOption(new Option("--verbose", "show stacks with errors"));
}

export function outputFor(options: CommonOptions): Output {
  return createOutput({ json: options.json, verbose: options.verbose });
}

export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < 1) {
    throw new InvalidArgumentError("It must be a whole number from 1.");
  }
  return count;
}

/** `name=value`, given any number of times. `true`, `false` and numbers are those; quotes make them text. */
export function parseAttribute(
  text: string,
  earlier: Record<string, string | number | boolean> = {},
): Record<string, string | number | boolean> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Write name=value.");
  return { ...earlier, [text.slice(0, at)]: attributeValue(text.slice(at + 1)) };
}

function attributeValue(text: string): string | number | boolean {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  } catch {
    // Text needs no quotes.
  }
  return text;
}
