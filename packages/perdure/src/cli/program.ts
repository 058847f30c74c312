/** All commands, and what commander's own complaints become. */
import { Command, type CommanderError } from "commander";
import { version } from "../version.ts";
import { CliError, type CliErrorCode } from "./cli-error.ts";
import { addDev } from "./commands/dev.ts";
import { addRun } from "./commands/run.ts";
import { addRunsList } from "./commands/runs-list.ts";
import { addRunsRetry } from "./commands/runs-retry.ts";
import { addRunsShow } from "./commands/runs-show.ts";
import { addRunsTerminate } from "./commands/runs-terminate.ts";
import { addWorker } from "./commands/worker.ts";

export function createProgram(): Command {
  const program = new Command("perdure")
    .description("Durable workflows: start them, work on them, look at them.")
    .version(version, "-v, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .showSuggestionAfterError(true)
    .addHelpText(
      "after",
      `
Examples:
  perdure dev order.ts                                  work on order.ts, and start again when it changes
  perdure run order.ts order --input '{"id":"o1"}'      start a run and wait for its output
  perdure runs list --status failed                     what went wrong
  perdure runs show <id>                                what a run waits for, and what it did

Errors begin with a code, such as RUN_NOT_FOUND; --verbose adds the stack.`,
    );
  addDev(program);
  addRun(program);
  addWorker(program);
  const runs = program
    .command("runs")
    .description("look at runs, and step in")
    .helpCommand("help [command]", "show help for a command");
  addRunsList(runs);
  addRunsShow(runs);
  addRunsRetry(runs);
  addRunsTerminate(runs);
  for (const command of allCommands(program)) {
    command.exitOverride().configureOutput({ outputError: () => undefined });
  }
  return program;
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

const codes: Record<string, CliErrorCode> = {
  "commander.unknownCommand": "UNKNOWN_COMMAND",
  "commander.unknownOption": "UNKNOWN_OPTION",
  "commander.missingArgument": "MISSING_ARGUMENT",
  "commander.optionMissingArgument": "MISSING_ARGUMENT",
};

/** Null when nothing went wrong: help or the version was asked for. */
export function readCommanderError(error: CommanderError): CliError | null {
  if (error.code === "commander.help") {
    return new CliError("MISSING_ARGUMENT", "A command is missing. It is one of those above.");
  }
  if (error.exitCode === 0) return null;
  const text = error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*\((.*)\)/g, ". $1");
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  const ended = /[.?!]$/.test(sentence) ? sentence : `${sentence}.`;
  return new CliError(codes[error.code] ?? "INVALID_OPTION", `${ended} See --help.`);
}
