/** What ends a command early, and how it is told: one message that begins with its code, and an exit code. */
import { describeThrown, PerdureError, type ErrorCode } from "../errors.ts";
import { printableLines } from "./display-text.ts";

/** The codes that only the command line has; all others are those of the library. */
export type CliErrorCode =
  ErrorCode | "FILE_NOT_FOUND" | "FILE_FAILED" | "UNKNOWN_COMMAND" | "UNKNOWN_OPTION" | "MISSING_ARGUMENT";

export class CliError extends Error {
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}

export const exitCodes = {
  /** The command did what it says; a run that it waited for has completed. */
  done: 0,
  /** The run has failed, or was cancelled. */
  failed: 1,
  /** The command was not understood, or the file, the workflow, the run or the input is wrong. Nothing was done. */
  misuse: 2,
  /** The store could not be reached, or time ran out. */
  trouble: 3,
  /** Stopped with Ctrl-C before it was done. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const troubleCodes = new Set<string>(["ALREADY_CLOSED", "INTERNAL_ERROR", "RESULT_TIMEOUT"]);

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return exitCodes.misuse;
  if (!(error instanceof PerdureError)) return exitCodes.trouble;
  return troubleCodes.has(error.code) || error.code.startsWith("STORE_")
    ? exitCodes.trouble
    : exitCodes.misuse;
}

export function errorCodeOf(error: unknown): string {
  if (error instanceof CliError || error instanceof PerdureError) return error.code;
  return "INTERNAL_ERROR";
}

/** `CODE: message`. A stack follows only when it was asked for. */
export function errorText(error: unknown, options: { verbose: boolean }): string {
  const isKnown = error instanceof CliError || error instanceof PerdureError;
  const message = isKnown ? error.message : `INTERNAL_ERROR: ${describeThrown(error)}`;
  if (!options.verbose || !(error instanceof Error)) return printableLines(message);
  const cause =
    error.cause instanceof Error ? `\nCaused by: ${error.cause.stack ?? error.cause.message}` : "";
  const stack = (error.stack ?? "").slice((error.stack ?? "").indexOf("\n    at "));
  return printableLines(`${message}${stack}${cause}`);
}
