/**
 * One line at the bottom of a terminal that is written over again and again.
 *
 * While it is there, whatever else is written, by us or by user code, appears above it.
 */
import { shorten } from "./display-text.ts";
import type { Style } from "./style.ts";

const clearLine = "\r\u001b[2K";
const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const frameMs = 100;

export class StatusLine {
  readonly #style: Style;
  readonly #describe: () => string | null;
  readonly #write = process.stderr.write.bind(process.stderr);
  readonly #restore: (() => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  #frame = 0;
  #isShown = false;
  /** What was written last did not end its line: ours would stand behind it. */
  #isMidLine = false;

  /** @param describe what to show now; null for nothing. */
  constructor(style: Style, describe: () => string | null) {
    this.#style = style;
    this.#describe = describe;
    for (const stream of [process.stdout, process.stderr]) {
      if (stream.isTTY) this.#restore.push(this.#writeAbove(stream));
    }
    this.#timer = setInterval(() => this.#draw(), frameMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#clear();
    for (const restore of this.#restore) restore();
  }

  #draw(): void {
    if (this.#isMidLine) return;
    const text = this.#describe();
    if (text === null) {
      this.#clear();
      return;
    }
    this.#frame = (this.#frame + 1) % frames.length;
    const line = shorten(text, Math.max(20, process.stderr.columns - 4));
    this.#write(`${clearLine}  ${this.#style.cyan(frames[this.#frame]!)} ${this.#style.dim(line)}`);
    this.#isShown = true;
  }

  #clear(): void {
    if (this.#isShown) this.#write(clearLine);
    this.#isShown = false;
  }

  #writeAbove(stream: NodeJS.WriteStream): () => void {
    const write: (...args: never[]) => boolean = stream.write.bind(stream);
    stream.write = (...args: unknown[]): boolean => {
      this.#clear();
      this.#isMidLine = !String(args[0]).endsWith("\n");
      return write(...(args as never[]));
    };
    return () => {
      stream.write = write;
    };
  }
}
