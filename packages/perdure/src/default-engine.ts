/**
 * The engine of programs that make none: opened from `perdure.config.*`, the environment, or `./.perdure/perdure.db`.
 *
 * In order, the first that says something holds: `PERDURE_STORE`; the `store` of `perdure.config.ts`, `.js` or `.mjs` in the working
 * directory; `sqlite:./.perdure/perdure.db`. With `work: false` there, or `PERDURE_WORK=0`, this process only starts runs.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  createEngine,
  type Engine,
  type EngineOptions,
  type WorkerHandle,
  type WorkOptions,
} from "./engine.ts";
import { PerdureError } from "./errors.ts";

/** What `perdure.config.ts` exports: the default engine, and what its worker does. */
export interface PerdureConfig extends EngineOptions {
  /** What a worker of the default engine does, or `false` for none. */
  work?: WorkOptions | false;
}

/** Types a configuration. `perdure.config.ts` exports it as its default. */
export function defineConfig(config: PerdureConfig): PerdureConfig {
  return config;
}

const fileNames = ["perdure.config.ts", "perdure.config.js", "perdure.config.mjs"];

let opened: Promise<{ engine: Engine; config: PerdureConfig }> | null = null;
let working: Promise<WorkerHandle> | null = null;

/** The one default engine of this process, and what was configured for it. */
export function defaultEngine(): Promise<{ engine: Engine; config: PerdureConfig }> {
  opened ??= loadConfig(process.cwd())
    .then((config) => ({ config, engine: createEngine(config) }))
    .catch((error: unknown) => {
      opened = null;
      throw error;
    });
  return opened;
}

/** The default engine's worker in this process, started once; null when this process is to have none. */
export async function defaultWorker(options?: WorkOptions): Promise<WorkerHandle | null> {
  const { engine, config } = await defaultEngine();
  if (config.work === false && options === undefined) return null;
  working ??= engine.work({ ...(config.work || {}), ...options }).catch((error: unknown) => {
    working = null;
    throw error;
  });
  return working;
}

/** Closes the default engine; the next use opens it again. */
export async function closeDefaultEngine(): Promise<void> {
  const current = opened;
  opened = null;
  working = null;
  await (await current?.catch(() => null))?.engine.close();
}

/** @throws PerdureError `INVALID_OPTION` when the file cannot be loaded, or exports no configuration. */
export async function loadConfig(folder: string): Promise<PerdureConfig> {
  const config = await readConfigFile(folder);
  const store = process.env["PERDURE_STORE"];
  const isClientOnly = ["0", "false"].includes(process.env["PERDURE_WORK"] ?? "");
  return { ...config, ...(store && { store }), ...(isClientOnly && { work: false as const }) };
}

async function readConfigFile(folder: string): Promise<PerdureConfig> {
  const path = fileNames.map((name) => resolve(folder, name)).find((candidate) => existsSync(candidate));
  if (path === undefined) return {};
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (error) {
    throw new PerdureError(
      "INVALID_OPTION",
      `${path} could not be loaded: ${(error as Error).message}. A .ts file needs a loader: run the program through tsx, or through the perdure command.`,
      { cause: error },
    );
  }
  if (typeof module.default !== "object" || module.default === null) {
    throw new PerdureError(
      "INVALID_OPTION",
      `${path} exports no configuration. Write export default defineConfig({ … }).`,
    );
  }
  return module.default;
}
