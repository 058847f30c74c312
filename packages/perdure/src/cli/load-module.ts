/** Loads a user's file for the workflows that it, and what it imports, define. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { PerdureError } from "../errors.ts";
import { registeredWorkflows } from "../workflow/registry.ts";
import type { WorkflowSpec } from "../workflow/workflow-spec.ts";
import { CliError } from "./cli-error.ts";
import { printable } from "./display-text.ts";
import { describePlace, nameOfFile, readLoadFailure } from "./load-failure.ts";
import { nearest } from "./nearest.ts";
import { registerTypeScript } from "./typescript-loader.ts";

/**
 * All workflows that are defined once the files are loaded.
 *
 * @throws CliError `FILE_NOT_FOUND`, `FILE_FAILED` with file and line, `UNKNOWN_WORKFLOW` when there is none.
 */
export async function loadWorkflows(files: readonly string[]): Promise<WorkflowSpec[]> {
  const paths = files.map(requireFile);
  await registerTypeScript();
  for (const path of paths) await loadFile(path);
  const workflows = registeredWorkflows();
  if (workflows.length > 0) return workflows;
  const names = paths.map(nameOfFile).join(", ");
  throw new CliError(
    "UNKNOWN_WORKFLOW",
    `${names} ${paths.length === 1 ? "defines" : "define"} no workflow. Write export const hello = workflow("hello", async () => …) in it, or import the modules that do.`,
  );
}

/** @throws CliError `FILE_NOT_FOUND`. */
export function requireFile(file: string): string {
  const path = resolve(file);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return path;
  const extended = [".ts", ".mts", ".js", ".mjs"].find((extension) =>
    statSync(path + extension, { throwIfNoEntry: false })?.isFile(),
  );
  throw new CliError(
    "FILE_NOT_FOUND",
    found
      ? `${printable(file)} is a folder. Name the file that defines the workflows.`
      : `There is no file ${printable(file)} in ${process.cwd()}.${extended ? ` Did you mean ${printable(file)}${extended}?` : ""}`,
  );
}

async function loadFile(path: string): Promise<void> {
  try {
    await import(pathToFileURL(path).href);
  } catch (error) {
    const { message, place } = readLoadFailure(error);
    const known = error instanceof PerdureError ? message.replace(/^PerdureError: /, "") : message;
    if (!place) {
      throw new CliError("FILE_FAILED", `${nameOfFile(path)} could not be loaded. ${known}`, {
        cause: error,
      });
    }
    const { name, excerpt } = describePlace(place);
    throw new CliError("FILE_FAILED", `${name} ${known}${excerpt && `\n\n${excerpt}`}`, { cause: error });
  }
}

/**
 * The workflow of that name; without one, the only one that there is.
 *
 * @throws CliError `UNKNOWN_WORKFLOW`, `MISSING_ARGUMENT`.
 */
export function requireWorkflow(workflows: readonly WorkflowSpec[], name: string | undefined): WorkflowSpec {
  const names = [...new Set(workflows.map((workflow) => workflow.name))];
  if (name === undefined) {
    if (names.length === 1) return workflows.at(-1)!;
    throw new CliError("MISSING_ARGUMENT", `Name the workflow that is to run: ${names.join(", ")}.`);
  }
  const found = workflows.findLast((workflow) => workflow.name === name);
  if (found) return found;
  const meant = nearest(name, names);
  throw new CliError(
    "UNKNOWN_WORKFLOW",
    `There is no workflow "${printable(name)}".${meant === undefined ? "" : ` Did you mean "${meant}"?`} Known: ${names.join(", ")}.`,
  );
}
