/** Why a user's file could not be loaded: where in it, and what stands there. */
import { readFileSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describeThrown } from "../errors.ts";
import { printable, printableLines } from "./display-text.ts";

export interface LoadFailure {
  message: string;
  /** The user's file, where one is known. */
  place: { file: string; line: number; column: number } | null;
}

export function readLoadFailure(error: unknown): LoadFailure {
  if (!(error instanceof Error)) return { message: describeThrown(error), place: null };
  // esbuild, which tsx asks to translate a file, puts the place into the message.
  const fault = /^(.+?):(\d+):(\d+): ERROR: (.+)$/m.exec(error.message);
  if (fault) {
    const [, file, line, column, message] = fault as unknown as string[];
    return { message: message!, place: { file: file!, line: Number(line), column: Number(column) + 1 } };
  }
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") return missingModule(error);
  return { message: nameAndMessage(error), place: placeInStack(error.stack ?? "") };
}

/** `order.ts:3:12`, and the line itself with a mark below. */
export function describePlace({ file, line, column }: NonNullable<LoadFailure["place"]>): {
  name: string;
  excerpt: string;
} {
  const name = `${nameOfFile(file)}:${line}:${column}`;
  let source: string | undefined;
  try {
    source = readFileSync(file, "utf8").split("\n")[line - 1];
  } catch {
    // Without the line the place has to do.
  }
  if (source === undefined || source.trim() === "" || source.length > 200) return { name, excerpt: "" };
  const gutter = `  ${line} | `;
  const indent = source.slice(0, column - 1).replace(/[^\t]/g, " ");
  return {
    name,
    excerpt: `${gutter}${printableLines(source)}\n${" ".repeat(gutter.length - 2)}| ${indent}^`,
  };
}

/** Relative, when it is below the working directory. */
export function nameOfFile(file: string): string {
  const near = relative(process.cwd(), file);
  return printable(near === "" || near.startsWith(`..${sep}`) ? file : near);
}

function missingModule(error: Error): LoadFailure {
  const [, wanted = "?", importer] =
    /Cannot find (?:module|package) '([^']+)'(?: imported from (.+))?/.exec(error.message) ?? [];
  const from = importer ?? (error as { requireStack?: string[] }).requireStack?.[0];
  const path = wanted.startsWith(".") && from !== undefined ? resolve(dirname(from), wanted) : wanted;
  const where = from === undefined ? "" : `, which ${nameOfFile(from.trim())} imports`;
  const hint =
    wanted === "perdure" || wanted.startsWith("perdure/") ? " Install it there: npm install perdure." : "";
  const name = isAbsolute(path) ? nameOfFile(path) : wanted;
  return { message: `There is no module "${name}"${where}.${hint}`, place: null };
}

function nameAndMessage(error: Error): string {
  return error.name === "Error" ? describeThrown(error) : `${error.name}: ${describeThrown(error)}`;
}

function placeInStack(stack: string): LoadFailure["place"] {
  for (const text of stack.split("\n")) {
    const match = /((?:file:\/\/|\/|[A-Za-z]:\\)[^()\n]+?):(\d+)(?::(\d+))?\)?$/.exec(text.trim());
    if (!match || /[\\/]node_modules[\\/]|node:/.test(text)) continue;
    const [, written, line, column] = match as unknown as [string, string, string, string | undefined];
    const file = written.startsWith("file://")
      ? fileURLToPath(written.replace(/\?.*$/, ""))
      : written.replace(/\?.*$/, "");
    if (isOwnFile(file)) continue;
    return { file, line: Number(line), column: Number(column ?? 1) };
  }
  return null;
}

const ownFolder = fileURLToPath(new URL("../", import.meta.url));

function isOwnFile(file: string): boolean {
  return file.startsWith(ownFolder);
}
