/**
 * What a scenario is played on: one store, any number of "processes" over it (engines with a clock and a connection of their own,
 * which can be killed and paused), and a clock that moves only while the scenario waits for something.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import {
  createEngine,
  type Engine,
  type EngineOptions,
  type Logger,
  type Workflow,
  type WorkerHandle,
  type WorkOptions,
} from "perdure";
import type { Clock } from "../../../packages/perdure/src/clock.ts";
import { decodeEvent, type Event } from "../../../packages/perdure/src/model/event.ts";
import type { Store } from "../../../packages/perdure/src/store.ts";
import { createMemoryStore } from "../../../packages/perdure/src/stores/memory/memory-store.ts";
import { createSqliteStore } from "../../../packages/perdure/src/stores/sqlite/sqlite-store.ts";
import { FakeClock } from "../../../packages/perdure/src/testing/fake-clock.ts";
import { tapStore, type StoreTap } from "./store-tap.ts";

export type StoreKind = "memory" | "sqlite";
export const storeKinds: readonly StoreKind[] = ["memory", "sqlite"];

export type AnyWorkflow = Workflow<never, unknown>;

export interface LogLine {
  level: "debug" | "info" | "warn" | "error";
  fields: Record<string, unknown>;
  message: string;
}

export interface NodeOptions extends Omit<EngineOptions, "store" | "clock" | "logger"> {
  /** How far this process's wall clock is off. */
  skewMs?: number;
}

/** One process, as far as the store can see. */
export interface SceneNode {
  readonly engine: Engine;
  readonly tap: StoreTap;
  /** The last worker that was started on it. */
  readonly worker: WorkerHandle;
  work(workflows: readonly AnyWorkflow[], options?: Omit<WorkOptions, "workflows">): Promise<WorkerHandle>;
  /** As `kill -9`: nothing of it reaches the store or its own code any more. */
  kill(): void;
  /** As SIGSTOP and SIGCONT: calls and timers wait. */
  pause(): void;
  resume(): void;
}

/** Registers a scenario on each store. */
export function scenario(
  name: string,
  play: (scene: Scene) => Promise<void>,
  options: { stores?: readonly StoreKind[]; timeout?: number } = {},
): void {
  for (const kind of options.stores ?? storeKinds) {
    test(`${name} (${kind})`, { timeout: options.timeout ?? 30_000 }, async () => {
      const scene = new Scene(kind);
      try {
        await play(scene);
      } finally {
        await scene.close();
      }
    });
  }
}

export class Scene {
  readonly kind: StoreKind;
  readonly clock = new FakeClock();
  readonly logs: LogLine[] = [];
  readonly #folder: string | null;
  readonly #memory: Store | null;
  readonly #nodes: SceneNode[] = [];
  #reader: Promise<Store> | null = null;

  constructor(kind: StoreKind) {
    this.kind = kind;
    this.#folder = kind === "sqlite" ? mkdtempSync(join(tmpdir(), "perdure-scenario-")) : null;
    this.#memory = kind === "memory" ? createMemoryStore({ clock: this.clock }) : null;
  }

  /** Where the SQLite file is. */
  get path(): string {
    return join(this.#folder!, "scene.db");
  }

  #openStore(): Store {
    return this.#memory ?? createSqliteStore({ path: this.path, clock: this.clock, durability: "process" });
  }

  /** A process without a worker: a client. */
  node(options: NodeOptions = {}): SceneNode {
    const { skewMs = 0, ...engineOptions } = options;
    const tap = tapStore(this.#openStore(), this.#memory === null);
    const clock = new NodeClock(this.clock, skewMs);
    const engine = createEngine({
      pollInterval: "10s",
      ...engineOptions,
      store: tap.store,
      clock,
      logger: this.#logger(),
    });
    let worker: WorkerHandle | null = null;
    let isKilled = false;
    const node: SceneNode = {
      engine,
      tap,
      get worker() {
        return worker!;
      },
      work: async (workflows, workOptions = {}) =>
        (worker = await engine.work({ ...workOptions, workflows: [...workflows] })),
      kill() {
        isKilled = true;
        tap.kill();
        clock.kill();
      },
      pause() {
        tap.pause();
        clock.pause();
      },
      resume() {
        tap.resume();
        clock.resume();
      },
    };
    this.#nodes.push(node);
    this.#closers.push(async () => {
      if (!isKilled) await this.settle(engine.close({ drain: false }));
    });
    return node;
  }

  readonly #closers: (() => Promise<void>)[] = [];

  /** A process with a worker. */
  async worker(
    workflows: readonly AnyWorkflow[],
    options: NodeOptions & Omit<WorkOptions, "workflows"> = {},
  ): Promise<SceneNode> {
    const { concurrency, crashLimit, hot, ...nodeOptions } = options;
    const node = this.node(nodeOptions);
    await node.work(workflows, {
      ...(concurrency !== undefined && { concurrency }),
      ...(crashLimit !== undefined && { crashLimit }),
      ...(hot && { hot }),
    });
    return node;
  }

  /** A look at the store that no engine is asked for. */
  async store(): Promise<Store> {
    this.#reader ??= (async () => {
      const store = this.#openStore();
      await store.open();
      return store;
    })();
    return this.#reader;
  }

  async events(runId: string): Promise<Event[]> {
    const stored = await (await this.store()).history({ runId, afterSeq: 0, limit: 1_000_000 });
    return stored.map(decodeEvent);
  }

  async types(runId: string): Promise<string[]> {
    return (await this.events(runId)).map(({ type }) => type);
  }

  /** Waits until a promise has settled, and moves the clock whenever nothing else can happen. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const note = (): void => void (isSettled = true);
    promise.then(note, note);
    await this.until(() => isSettled, "a promise that was to settle");
    return promise;
  }

  /** Waits for a condition, and moves the clock whenever nothing else can happen; at most by `withinMs`. */
  async until(
    holds: () => boolean | Promise<boolean>,
    what = "what was waited for",
    withinMs = 3_600_000,
  ): Promise<void> {
    const endsAt = this.clock.monotonic() + withinMs;
    for (let idleRounds = 0; ;) {
      if (await holds()) return;
      await this.quiet();
      if (await holds()) return;
      if (this.clock.step(endsAt - this.clock.monotonic())) {
        idleRounds = 0;
        continue;
      }
      // Nothing is timed: something real may be under way, such as a file.
      if (++idleRounds > 500) throw new Error(`The scenario came to a stop before ${what}.${this.#tail()}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Waits for a condition in real time; the clock stands still. */
  async untilStill(
    holds: () => boolean | Promise<boolean>,
    what = "what was waited for",
    limitMs = 10_000,
  ): Promise<void> {
    const endsAt = performance.now() + limitMs;
    while (!(await holds())) {
      if (performance.now() > endsAt) throw new Error(`It did not come to ${what}.${this.#tail()}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Moves the clock all at once, as when the machine slept, and lets happen what is due. */
  async leap(ms: number): Promise<void> {
    this.clock.leap(ms);
    do await this.quiet();
    while (this.clock.step(0));
  }

  /** Lets everything happen that needs no time. */
  async quiet(): Promise<void> {
    for (let calm = 0; calm < 3;) {
      await new Promise((resolve) => setImmediate(resolve));
      const isBusy = this.clock.isResting || this.#nodes.some(({ tap }) => tap.underWay > 0);
      calm = isBusy ? 0 : calm + 1;
    }
  }

  logged(level: LogLine["level"], pattern: RegExp): LogLine[] {
    return this.logs.filter((line) => line.level === level && pattern.test(line.message));
  }

  async close(): Promise<void> {
    for (const node of this.#nodes) node.resume();
    for (const close of this.#closers) await close();
    await (await this.#reader)?.close();
    await this.#memory?.close();
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
  }

  #logger(): Logger {
    const at = (level: LogLine["level"]) => (fields: Record<string, unknown>, message: string) =>
      void this.logs.push({ level, fields, message });
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }

  #tail(): string {
    const lines = this.logs.slice(-5).map(({ level, message }) => `${level}: ${message}`);
    return lines.length === 0 ? "" : ` The last log lines: ${lines.join(" | ")}`;
  }
}

/** A process's view of the one clock: its timers stop with it. */
class NodeClock implements Clock {
  readonly #clock: FakeClock;
  readonly #skewMs: number;
  #isKilled = false;
  #isPaused = false;
  #missed: (() => void)[] = [];

  constructor(clock: FakeClock, skewMs: number) {
    this.#clock = clock;
    this.#skewMs = skewMs;
  }

  now(): number {
    return this.#clock.now() + this.#skewMs;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(delayMs: number, callback: () => void): () => void {
    if (this.#isKilled) return () => undefined;
    let isOff = false;
    const fire = (): void => {
      if (this.#isKilled || isOff) return;
      if (this.#isPaused) this.#missed.push(fire);
      else callback();
    };
    const disarm = this.#clock.after(delayMs, fire);
    return () => {
      isOff = true;
      disarm();
    };
  }

  async rest(): Promise<void> {
    await this.#unlessKilled();
    await this.#clock.rest();
    if (this.#isPaused) await new Promise<void>((resolve) => this.#missed.push(resolve));
    await this.#unlessKilled();
  }

  async #unlessKilled(): Promise<void> {
    if (this.#isKilled) await new Promise(() => undefined);
  }

  kill(): void {
    this.#isKilled = true;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    for (const fire of this.#missed.splice(0)) fire();
  }
}
