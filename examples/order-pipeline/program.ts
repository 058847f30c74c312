/** A program of this folder in a process of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stateFolder } from "./settings.ts";

export class Program {
  readonly #child: ChildProcess;
  /** The first line that it prints: it is ready. Null when it ended before. */
  readonly ready: Promise<string | null>;
  readonly ended: Promise<unknown>;

  /** Its errors go to a log beside its data. It ends when this process does: its standard input is closed then. */
  constructor(file: string, options: { args?: string[]; env?: NodeJS.ProcessEnv } = {}) {
    this.#child = spawn(
      process.execPath,
      [...process.execArgv, join(import.meta.dirname, file), ...(options.args ?? [])],
      {
        env: { ...process.env, ...options.env },
        stdio: ["pipe", "pipe", openSync(join(stateFolder, `${file}.log`), "a")],
      },
    );
    this.ended = once(this.#child, "exit");
    const firstLine = once(createInterface(this.#child.stdout!), "line");
    this.ready = Promise.race([firstLine.then(([line]) => String(line)), this.ended.then(() => null)]);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** `kill -9`: it gets no chance to say good-bye. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  /** Asks it to end. */
  async stop(): Promise<void> {
    this.#child.stdin!.end();
    await this.ended;
  }
}
