/**
 * What the processes of a proof did, as they did it: an append-only file, one write for each line.
 *
 * E1. A line is written with one `write` on a file opened for appending, so lines of several processes never mix.
 * E2. It is written by the steps themselves and around the store, never from a history: it is what a history is compared with.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

export type JournalLine = { pid: number } & (
  | { what: "begin"; run: string; step: string; label: string; attempt: number; key: string; at: number }
  | {
      what: "end";
      run: string;
      step: string;
      label: string;
      attempt: number;
      key: string;
      at: number;
      ok: boolean;
    }
  /** A worker of this process exists. */
  | { what: "registered"; worker: string }
  /** The store gave this run to a worker of this process. */
  | { what: "claimed"; run: string; claim: string }
  /** The store accepted these events, and this process knows; `completed` are the steps whose results are among them. */
  | { what: "committed"; run: string; claim: string | null; from: number; to: number; completed: number[] }
  /** A start came back. */
  | { what: "started"; run: string }
  /** A caller was told the outcome. */
  | { what: "outcome"; outcome: unknown }
);

type Unsigned<T> = T extends unknown ? Omit<T, "pid"> : never;

export class EffectJournal {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  write(line: Unsigned<JournalLine>): void {
    const text = `${JSON.stringify({ pid: process.pid, ...line })}\n`;
    const written = writeSync(this.#file, text);
    if (written !== Buffer.byteLength(text)) throw new Error("A line of the journal was torn.");
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Lines so far. The last one may be missing its end when its writer was killed; no other may. */
export function readJournal(path: string): JournalLine[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as JournalLine);
}
