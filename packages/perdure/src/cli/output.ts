/**
 * Where a command writes.
 *
 * O1. Standard output carries what was asked for and nothing else; progress, hints and errors go to standard error.
 * O2. While a document is written there, what user code prints goes to standard error too: the document can always be parsed.
 * O3. Colours and cursor movement go to terminals alone.
 */
import { createStyle, type Style } from "./style.ts";
import { toJson } from "./json-view.ts";

export interface OutputOptions {
  json?: boolean | undefined;
  verbose?: boolean | undefined;
}

export interface Output {
  readonly isJson: boolean;
  readonly isVerbose: boolean;
  /** Whether people read standard output. */
  readonly isTerminal: boolean;
  /** Of the terminal; without one nothing needs to be cut. */
  readonly columns: number;
  /** For standard output. */
  readonly style: Style;
  /** For standard error. */
  readonly noteStyle: Style;
  line(text?: string): void;
  /** One document, over several lines. */
  document(value: unknown): void;
  /** One document of many, in one line. */
  record(value: unknown): void;
  note(text: string): void;
  /** From now on what anyone else writes to standard output goes to standard error. */
  reserve(): void;
}

export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr } = process;
  const write: (text: string) => boolean = stdout.write.bind(stdout);
  const isTerminal = stdout.isTTY;
  return {
    isJson: options.json ?? false,
    isVerbose: options.verbose ?? false,
    isTerminal,
    columns: isTerminal ? stdout.columns : Infinity,
    style: createStyle(isTerminal),
    noteStyle: createStyle(stderr.isTTY),
    line: (text = "") => void write(`${text}\n`),
    document: (value) => void write(`${JSON.stringify(toJson(value), null, 2)}\n`),
    record: (value) => void write(`${JSON.stringify(toJson(value))}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    reserve: () => {
      stdout.write = stderr.write.bind(stderr);
    },
  };
}

/** A reader that went away (`| head`) has seen enough. */
export function endWhenNobodyReads(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }
}
