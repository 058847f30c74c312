/** JSON that people typed: read, or refused with the place where it stops being JSON. */
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { CliError } from "./cli-error.ts";
import { printable } from "./display-text.ts";

/**
 * The value of `--input`: JSON, `-` for standard input, `@file` for a file's content, nothing for no input.
 *
 * @throws CliError `INVALID_INPUT`, `FILE_NOT_FOUND`.
 */
export async function readInput(source: string | undefined): Promise<unknown> {
  if (source === undefined) return undefined;
  if (source === "-") return parseJson(await text(process.stdin), "The input from standard input");
  if (source.startsWith("@"))
    return parseJson(readInputFile(source.slice(1)), `The input in ${source.slice(1)}`);
  return parseJson(source, "--input");
}

function readInputFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new CliError(
      "FILE_NOT_FOUND",
      `The input file ${printable(path)} could not be read (${(error as NodeJS.ErrnoException).code ?? "unknown reason"}).`,
      { cause: error },
    );
  }
}

/** @throws CliError `INVALID_INPUT` with line, column and what stands there. */
export function parseJson(source: string, what: string): unknown {
  const json = source.replace(/^\ufeff/, "");
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    throw new CliError("INVALID_INPUT", `${what} is no JSON: ${complaint(json)}`, { cause: error });
  }
}

function complaint(json: string): string {
  if (json.trim() === "") return "it is empty. Leave --input out for no input, or write null.";
  const offset = firstFault(json);
  const before = json.slice(0, offset);
  const line = before.split("\n").length;
  const column = offset - before.lastIndexOf("\n");
  const found = offset >= json.length ? "the end" : JSON.stringify(json[offset]);
  const near = printable(json.slice(Math.max(0, offset - 20), offset + 20));
  const place = line === 1 ? `position ${column}` : `line ${line}, column ${column}`;
  const isBareWord = /^[\w .@:/-]+$/.test(json.trim()) && !/^[-\d]/.test(json.trim());
  const hint = isBareWord ? ` A text needs quotes: --input '${JSON.stringify(json.trim())}'.` : "";
  return `unexpected ${found} at ${place}, near ${JSON.stringify(near)}.${hint}`;
}

/** Node's own messages name a position in some versions and for some faults only. */
export function firstFault(json: string): number {
  let at = 0;
  const skipSpace = (): void => {
    while (/[ \t\r\n]/.test(json[at] ?? "")) at++;
  };
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const match = pattern.exec(json);
    if (match) at += match[0].length;
    return match !== null;
  };
  const text = (): boolean => {
    if (json[at] !== '"') return false;
    at++;
    while (take(/[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y));
    if (json[at] !== '"') return false;
    at++;
    return true;
  };
  const members = (close: string, member: () => boolean): boolean => {
    at++;
    skipSpace();
    if (json[at] === close) return ++at > 0;
    for (;;) {
      if (!member()) return false;
      skipSpace();
      if (json[at] === close) return ++at > 0;
      if (json[at] !== ",") return false;
      at++;
    }
  };
  const value = (): boolean => {
    skipSpace();
    switch (json[at]) {
      case '"':
        return text();
      case "[":
        return members("]", value);
      case "{":
        return members("}", () => {
          skipSpace();
          if (!text()) return false;
          skipSpace();
          if (json[at] !== ":") return false;
          at++;
          return value();
        });
      default:
        return take(/(?:true|false|null)\b|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
    }
  };
  if (value()) skipSpace();
  return at;
}
