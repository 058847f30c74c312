/**
 * The one place that wires parts together: store, broker, clock, client and workers.
 *
 * An engine is synchronous to make and connects at first use, so that a module can export one; several may live in one process.
 */
import { hostname } from "node:os";
import type { Broker } from "./broker.ts";
import { createMemoryBroker } from "./brokers/memory-broker.ts";
import { systemClock, type Clock } from "./clock.ts";
import { createSystemEntropy, type Entropy } from "./entropy.ts";
import { PerdureError } from "./errors.ts";
import { standardErrorLogger, type Logger } from "./logger.ts";
import { parseDuration, type Duration } from "./model/duration.ts";
import type { Page } from "./model/page.ts";
import type { RunStatus } from "./model/run.ts";
import { resolveStore } from "./resolve-store.ts";
import { Client, type ListFilter, type Places } from "./runtime/client.ts";
import type { StartOptions } from "./runtime/start-options.ts";
import { RunChanges } from "./runtime/run-changes.ts";
import type { RunHandle } from "./runtime/run-handle.ts";
import type { RunInfo } from "./runtime/run-info.ts";
import { RunWatch } from "./runtime/run-watch.ts";
import { ServedLanes } from "./runtime/served-lanes.ts";
import { watchUnhandled } from "./runtime/unhandled.ts";
import { Worker } from "./runtime/worker.ts";
import { requireSettings, type WorkerSettings } from "./runtime/worker-settings.ts";
import type { Store, StoreHealth, WorkerRecord } from "./store.ts";
import { version } from "./version.ts";
import type { Workflow } from "./workflow/workflow.ts";

/** What an engine is made of. Every part has a default. */
export interface EngineOptions {
  /**
   * `"sqlite:./file.db"`, `"memory:"`, or a store made by one of the sub-paths. Default `"sqlite:./.perdure/perdure.db"`.
   */
  store?: string | Store;
  /** Carries wake-ups. Default: one within this process; the store tells of other processes. */
  broker?: Broker;
  /** Default: warnings and errors, a line each, on standard error. */
  logger?: Logger;
  /** How long a worker may be silent before its runs go to others. Renewed at 0.3 of it. Default `"10s"`. */
  lease?: Duration;
  /** The longest time between two looks for due work, when nothing was heard. Default `"1s"`. */
  pollInterval?: Duration;
  /** For tests. */
  clock?: Clock;
  entropy?: Entropy;
}

/** What a worker serves, and how much of it at a time. */
export interface WorkOptions {
  /** Runs that are live at a time. Default 100. */
  concurrency?: number;
  /** What to serve. Default: all that is defined in this process, also what is defined later. */
  workflows?: readonly Workflow<never, unknown>[];
  /** Claims of a run in a row without a recorded outcome, after which it is a dead letter. Default 5. */
  crashLimit?: number;
  /** Parked executions kept in memory. Default 1,000 and 64 MiB. */
  hot?: { runs?: number; bytes?: number };
}

/** How a worker ends. */
export interface StopOptions {
  /** How long running attempts may take to end; then, or with `false`, what is left is handed back at once. Default `"10s"`. */
  drain?: Duration | false;
}

/** A worker of this process. */
export interface WorkerHandle {
  /** Changes when the worker loses its lease and begins anew. */
  readonly id: string;
  /** Runs that are live here. */
  readonly liveCount: number;
  /** Claims nothing more, drains, and gives everything back. A repeat waits for the first. */
  stop(options?: StopOptions): Promise<void>;
}

/** What a start takes after the workflow. */
export type StartArgs<Input> = unknown extends Input
  ? [input?: unknown, options?: StartOptions]
  : void extends Input
    ? [input?: undefined, options?: StartOptions]
    : [input: Input, options?: StartOptions];

/** What an engine is connected to, and that it answers. */
export interface EngineHealth {
  store: StoreHealth & { description: string };
  broker: { description: string };
  /** Of this process. */
  workers: number;
}

/** Starts runs, finds them again, and works on them, over one store. `createEngine` makes one. */
export class Engine {
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #logger: Logger;
  readonly #broker: Broker;
  readonly #leaseMs: number;
  readonly #pollMs: number;
  readonly #createStore: () => Promise<Store>;
  readonly #changes = new RunChanges();
  readonly #watch: RunWatch;
  readonly #client: Client;
  readonly #workers = new Set<{ worker: Worker; stop: (options?: StopOptions) => Promise<void> }>();
  #store: Promise<Store> | null = null;
  #unwatch: () => void = () => undefined;
  #isClosed = false;

  constructor(options: EngineOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#entropy = options.entropy ?? createSystemEntropy();
    this.#logger = options.logger ?? standardErrorLogger;
    this.#broker = options.broker ?? createMemoryBroker();
    this.#leaseMs = parseDuration(options.lease ?? "10s", "lease of the engine");
    this.#pollMs = parseDuration(options.pollInterval ?? "1s", "pollInterval of the engine");
    this.#createStore = resolveStore(options.store ?? "sqlite:./.perdure/perdure.db", this.#clock);
    const ports = { store: () => this.open(), clock: this.#clock, changes: this.#changes };
    this.#watch = new RunWatch({
      ...ports,
      isLiveHere: (runId) => [...this.#workers].some(({ worker }) => worker.has(runId)),
    });
    this.#client = new Client({
      ...ports,
      broker: this.#broker,
      entropy: this.#entropy,
      watch: this.#watch,
      findPlaces: (count) => this.#findPlaces(count),
    });
  }

  /**
   * Connects, and brings the schema up to date. Every other method does it by itself at first use; after a failure the next use tries again.
   *
   * @throws PerdureError `STORE_…`, `ALREADY_CLOSED`.
   */
  open(): Promise<Store> {
    if (this.#isClosed) {
      return Promise.reject(new PerdureError("ALREADY_CLOSED", "This engine was closed. Make another one."));
    }
    this.#store ??= this.#open();
    return this.#store;
  }

  /**
   * Starts a run and returns its handle once the start is durable: it is never lost after that.
   *
   * @throws PerdureError `UNKNOWN_WORKFLOW`, `INVALID_INPUT`, `INVALID_OPTION`, `UNSTORABLE_VALUE`, `KEY_CONFLICT`, `ID_EXISTS`, `STORE_…`.
   * @example const run = await engine.start(order, { id: "o1" }, { idempotencyKey: "o1" });
   */
  start<Input, Output>(
    workflow: Workflow<Input, Output>,
    ...args: StartArgs<Input>
  ): Promise<RunHandle<Output>>;
  start(workflow: string, input?: unknown, options?: StartOptions): Promise<RunHandle>;
  start(
    workflow: Workflow<never, unknown> | string,
    input?: unknown,
    options?: StartOptions,
  ): Promise<RunHandle> {
    return this.#client.start(typeof workflow === "string" ? workflow : workflow.spec, input, options);
  }

  /** Starts many runs, up to 500 to a transaction, and answers in their order. */
  startMany<Input, Output>(
    workflow: Workflow<Input, Output>,
    starts: readonly { input: Input; options?: StartOptions }[],
  ): Promise<RunHandle<Output>[]> {
    return this.#client.startMany(workflow.spec, starts);
  }

  /** The handle of a run. Nothing is looked up yet; with the workflow the handle is typed. */
  run<Output>(workflow: Workflow<never, Output>, id: string): RunHandle<Output>;
  run(id: string): RunHandle;
  run(workflowOrId: Workflow<never, unknown> | string, id?: string): RunHandle {
    return this.#client.handle(typeof workflowOrId === "string" ? workflowOrId : id!);
  }

  /**
   * Runs that fit the filter, newest first.
   *
   * @param cursor of the page before; none for the first.
   * @param options.limit 1 to 1000. Default 50.
   * @throws PerdureError `INVALID_CURSOR`, `INVALID_OPTION`.
   */
  runs(
    filter: ListFilter = {},
    cursor?: string | null,
    options: { limit?: number } = {},
  ): Promise<Page<RunInfo>> {
    return this.#client.runs(filter, cursor ?? undefined, options.limit);
  }

  /** How many runs fit the filter, by status. */
  count(filter: ListFilter = {}): Promise<Partial<Record<RunStatus, number>>> {
    return this.#client.count(filter);
  }

  /** Workers of every process on this store. */
  workers(): Promise<WorkerRecord[]> {
    return this.#client.workers();
  }

  /**
   * Starts a worker in this process.
   *
   * @throws PerdureError `DUPLICATE_NAME`, `INVALID_OPTION`, `UNKNOWN_WORKFLOW` when nothing is defined, `STORE_…`.
   * @example const worker = await engine.work({ concurrency: 50 });
   */
  async work(options: WorkOptions = {}): Promise<WorkerHandle> {
    const settings: WorkerSettings = {
      concurrency: options.concurrency ?? 100,
      leaseMs: this.#leaseMs,
      pollMs: this.#pollMs,
      sweepMs: Math.min(1_000, this.#leaseMs / 2),
      crashLimit: options.crashLimit ?? 5,
      hotRuns: options.hot?.runs ?? 1_000,
      hotBytes: options.hot?.bytes ?? 64 * 1_048_576,
    };
    requireSettings(settings);
    const served = new ServedLanes(options.workflows?.map(({ spec }) => spec) ?? null);
    if (served.lanes.length === 0) {
      throw new PerdureError(
        "UNKNOWN_WORKFLOW",
        "A worker was started, and no workflow is defined in this process. Import the modules that define them first.",
      );
    }
    const store = await this.open();
    const worker = new Worker(
      {
        store,
        broker: this.#broker,
        clock: this.#clock,
        entropy: this.#entropy,
        logger: this.#logger,
        changes: this.#changes,
        host: { name: hostname(), pid: process.pid, version },
      },
      settings,
      served,
    );
    const unwatchUnhandled = watchUnhandled(this.#logger);
    try {
      await worker.begin();
    } catch (error) {
      unwatchUnhandled();
      throw error;
    }
    let stopping: Promise<void> | null = null;
    const entry = {
      worker,
      stop: (stopOptions: StopOptions = {}) =>
        (stopping ??= worker.stop(drainMs(stopOptions)).finally(() => {
          unwatchUnhandled();
          this.#workers.delete(entry);
        })),
    };
    this.#workers.add(entry);
    return {
      get id() {
        return worker.id;
      },
      get liveCount() {
        return worker.liveCount;
      },
      stop: entry.stop,
    };
  }

  /** Proves that the store answers, and says what it survives. */
  async health(): Promise<EngineHealth> {
    const store = await this.open();
    return {
      store: { description: store.description, ...(await store.health()) },
      broker: { description: this.#broker.description },
      workers: this.#workers.size,
    };
  }

  /** Stops the workers of this engine as their `stop` does, then closes broker and store. A repeat does nothing. */
  async close(options: StopOptions = {}): Promise<void> {
    if (this.#isClosed) return;
    await Promise.all([...this.#workers].map(({ stop }) => stop(options)));
    this.#isClosed = true;
    this.#unwatch();
    await this.#broker.close();
    await this.#store?.then(
      (store) => store.close(),
      () => undefined,
    );
  }

  /** A start needs no second transaction when a worker of this process has a place for it. */
  #findPlaces(count: number): Places | null {
    for (const { worker } of this.#workers) {
      const places = worker.keepPlaces(count);
      if (places) return places;
    }
    return null;
  }

  async #open(): Promise<Store> {
    try {
      const store = await this.#createStore();
      await store.open();
      // Another process has written: what is due here, and who waits here, may be meant.
      this.#unwatch =
        store.watch?.(() => {
          this.#broker.publish([{}]);
          this.#watch.hint();
        }) ?? this.#unwatch;
      return store;
    } catch (error) {
      this.#store = null;
      throw error;
    }
  }
}

/**
 * Makes an engine. Nothing is opened before its first use, so that a module can export one.
 *
 * @throws PerdureError `UNKNOWN_STORE`, `INVALID_DURATION`.
 * @example const engine = createEngine({ store: "sqlite:./data/perdure.db" });
 */
export function createEngine(options?: EngineOptions): Engine {
  return new Engine(options);
}

function drainMs({ drain = "10s" }: StopOptions): number {
  return drain === false ? 0 : parseDuration(drain, "drain of stop()");
}
