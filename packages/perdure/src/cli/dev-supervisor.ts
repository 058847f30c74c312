/**
 * Keeps one worker going over code that changes.
 *
 * S1. At most one worker has the user's code loaded: what it opens at import (ports, files) is free for the next one.
 * S2. The next one begins when the one before has handed everything back, so live runs go on within a second.
 * S3. Code that cannot be loaded leaves no worker: the runs wait in the store for the next save.
 */
import { fork, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { DevBegin, FromDevWorker, ToDevWorker } from "./dev-messages.ts";
import { FileWatch } from "./watch-files.ts";

export interface DevEvents {
  onReady(ready: Extract<FromDevWorker, { type: "ready" }> & { fileCount: number; tookMs: number }): void;
  onRefused(refused: Extract<FromDevWorker, { type: "refused" }>): void;
  onChange(files: string[]): void;
  /** A worker ended that nobody had asked to. */
  onDeath(how: string): void;
}

/** Attempts that run when the code changes may end within it; longer ones begin anew on the new code. */
const restartDrainMs = 500;
/** Beyond the drain, for handing back. After that a worker is ended by force. */
const graceMs = 3_000;

const entry = fileURLToPath(new URL("./dev-worker.js", import.meta.url));
const configNames = ["perdure.config.ts", "perdure.config.js", "perdure.config.mjs"];

class DevWorker {
  readonly process: ChildProcess;
  readonly ended: Promise<string>;
  readonly #booted: Promise<void>;
  isStopping = false;
  isRefused = false;

  constructor(onMessage: (worker: DevWorker, message: FromDevWorker) => void) {
    this.process = fork(entry, [], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.ended = new Promise((resolve) => {
      this.process.on("exit", (code, signal) => resolve(signal ?? `exit code ${code ?? "unknown"}`));
      this.process.on("error", (error) => resolve(error.message));
    });
    this.#booted = new Promise((resolve) => {
      this.process.on("message", (message: FromDevWorker) => {
        if (message.type === "booted") resolve();
        else onMessage(this, message);
      });
      void this.ended.then(() => resolve());
    });
  }

  async begin(message: DevBegin): Promise<void> {
    await this.#booted;
    this.#tell(message);
  }

  async stop(drainMs: number): Promise<void> {
    this.isStopping = true;
    this.#tell({ type: "stop", drainMs });
    const timer = setTimeout(() => this.process.kill("SIGKILL"), drainMs + graceMs);
    await this.ended;
    clearTimeout(timer);
  }

  #tell(message: ToDevWorker): void {
    // It may be on its way out: then nobody listens, and nothing is lost.
    if (this.process.connected) this.process.send(message, () => undefined);
  }
}

export class DevSupervisor {
  readonly #options: Omit<DevBegin, "type">;
  readonly #events: DevEvents;
  readonly #watch: FileWatch;
  #worker: DevWorker | null = null;
  #isRestarting = false;
  #changedAgain = false;
  #isStopped = false;
  #beganAt = 0;

  constructor(options: Omit<DevBegin, "type">, events: DevEvents) {
    this.#options = options;
    this.#events = events;
    this.#watch = new FileWatch((files) => {
      events.onChange(files);
      void this.#restart();
    });
  }

  start(): void {
    this.#watch.add([resolve(this.#options.file), ...configNames.map((name) => resolve(name))]);
    void this.#restart();
  }

  /** Lets running steps end, for so long. */
  async stop(drainMs: number): Promise<void> {
    this.#isStopped = true;
    this.#watch.close();
    await this.#worker?.stop(drainMs);
  }

  kill(): void {
    this.#worker?.process.kill("SIGKILL");
  }

  async #restart(): Promise<void> {
    this.#changedAgain = true;
    if (this.#isRestarting) return;
    this.#isRestarting = true;
    while (this.#changedAgain && !this.#isStopped) {
      this.#changedAgain = false;
      this.#beganAt = performance.now();
      const next = new DevWorker((worker, message) => this.#hear(worker, message));
      const last = this.#worker;
      await last?.stop(restartDrainMs);
      this.#worker = next;
      void next.ended.then((how) => this.#afterEnd(next, how));

      if (this.#isStopped) await next.stop(0);
      else await next.begin({ type: "begin", ...this.#options });
    }
    this.#isRestarting = false;
  }

  #hear(worker: DevWorker, message: FromDevWorker): void {
    switch (message.type) {
      case "loaded":
        this.#watch.add(message.files);
        break;
      case "refused":
        worker.isRefused = true;
        this.#watch.add(candidatesIn(message.text));
        this.#events.onRefused(message);
        break;
      case "ready":
        this.#events.onReady({
          ...message,
          fileCount: this.#watch.count - configNames.filter((name) => !existsSync(name)).length,
          tookMs: performance.now() - this.#beganAt,
        });
        break;
      case "booted":
        break;
    }
  }

  #afterEnd(worker: DevWorker, how: string): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    if (!worker.isStopping && !worker.isRefused) this.#events.onDeath(how);
  }
}

/** A module that is missing may come: under the name in the complaint, with any ending. */
function candidatesIn(complaint: string): string[] {
  const missing = /There is no module "(.+?)"/.exec(complaint)?.[1];
  if (missing === undefined) return [];
  const path = resolve(missing);
  return ["", ".ts", ".mts", ".js", ".mjs"]
    .map((ending) => path.replace(/\.[cm]?js$/, "") + ending)
    .concat(path);
}
