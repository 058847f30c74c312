/** The engine that a command works with: `--store`, else `PERDURE_STORE`, else `perdure.config.*`, else the embedded default. */
import { existsSync } from "node:fs";
import { loadConfig } from "../default-engine.ts";
import { createEngine, type Engine, type EngineOptions, type WorkOptions } from "../engine.ts";
import type { Logger } from "../logger.ts";
import { printable } from "./display-text.ts";
import type { Output } from "./output.ts";
import { registerTypeScript } from "./typescript-loader.ts";

export interface StoreOption {
  store?: string;
}

export interface OpenedEngine {
  engine: Engine;
  /** For people; without a password. */
  store: string;
  /** What the configuration says of workers. */
  work: WorkOptions;
  /** The file of the embedded store, when it is not there yet: then nothing has ever run. */
  missingFile: string | null;
}

const defaultStore = "sqlite:./.perdure/perdure.db";

/** @throws PerdureError `UNKNOWN_STORE`, `INVALID_OPTION`. */
export async function openEngine(
  options: StoreOption & Pick<EngineOptions, "lease">,
  output: Output,
): Promise<OpenedEngine> {
  if (configFiles.some((name) => existsSync(name))) await registerTypeScript();
  const { work, ...config } = await loadConfig(process.cwd());
  const store = options.store ?? config.store ?? defaultStore;
  const engine = createEngine({
    logger: createLogger(output),
    ...config,
    store,
    ...(options.lease !== undefined && { lease: options.lease }),
  });
  const file = typeof store === "string" ? /^sqlite:(.+)$/.exec(store)?.[1] : undefined;
  return {
    engine,
    store: typeof store === "string" ? store.replace(/\/\/.*@/, "//…@") : "the configured store",
    work: work || {},
    missingFile: file !== undefined && !existsSync(file) ? file : null,
  };
}

const configFiles = ["perdure.config.ts", "perdure.config.js", "perdure.config.mjs"];

/** The part of a command line that leads another command to the same store. */
export function storeArgument({ store }: StoreOption): string {
  return store === undefined ? "" : ` --store ${quoteArgument(store)}`;
}

export function quoteArgument(text: string): string {
  return /^[\w./:@=+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Warnings and errors on standard error; JSON lines on standard output when those were asked for. */
function createLogger(output: Output): Logger {
  const silent = (): void => undefined;
  const write =
    (level: "warning" | "error") =>
    (fields: Record<string, unknown>, message: string): void => {
      if (output.isJson) {
        output.record({ type: "log", level, message, ...fields });
        return;
      }
      const { error, ...rest } = fields;
      const reason = error instanceof Error ? `: ${error.message}` : "";
      const details = Object.entries(rest).map(([key, value]) => `${key}=${String(value)}`);
      const label = level === "error" ? output.noteStyle.red(level) : output.noteStyle.yellow(level);
      const about = details.length === 0 ? "" : output.noteStyle.dim(` (${printable(details.join(" "))})`);
      output.note(`${label} ${printable(message + reason)}${about}`);
    };
  return { debug: silent, info: silent, warn: write("warning"), error: write("error") };
}
