/** The port for diagnostics. A pino or console object fits as it is. */

export interface Logger {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

const silent = (): void => undefined;

/** Warnings and errors as one line each on standard error; the default of an engine. */
export const standardErrorLogger: Logger = {
  debug: silent,
  info: silent,
  warn: (fields, message) => write("warning", fields, message),
  error: (fields, message) => write("error", fields, message),
};

/** Says nothing. */
export const silentLogger: Logger = { debug: silent, info: silent, warn: silent, error: silent };

function write(level: string, fields: Record<string, unknown>, message: string): void {
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${asText(value)}`);
  process.stderr.write(`perdure ${level}: ${[message, ...rest].join(" ")}\n`);
}

function asText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  return typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
}
