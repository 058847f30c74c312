/** One simulated world: its time, its store, its processes, and everything that was seen of it. */
import { createHash } from "node:crypto";
import type { Hint } from "../../broker.ts";
import type { Clock } from "../../clock.ts";
import type { StoredEvent } from "../../model/event.ts";
import type { Store } from "../../store.ts";
import { noFaults, type FaultProfile } from "./faults.ts";
import type { BugSwitches } from "./planted/planting.ts";
import type { Random } from "./random.ts";
import type { Alarm, ClientCall, Disturbance, Dump, Effect, StoreCall } from "./recording.ts";
import { Scheduler } from "./scheduler.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

export interface WorldOptions {
  random: Random;
  faults: FaultProfile;
  leaseMs: number;
  bugs: BugSwitches;
}

export class World {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly leaseMs: number;
  readonly bugs: BugSwitches;
  readonly epoch: number;
  /** Opened by whoever made the world. */
  store!: Store;
  faults: FaultProfile;
  isOutage = false;
  isHealed = false;
  /** Those that were not killed. */
  readonly processes = new Set<SimulatedProcess>();
  readonly calls: StoreCall[] = [];
  readonly effects: Effect[] = [];
  readonly clientCalls: ClientCall[] = [];
  readonly disturbances: Disturbance[] = [];
  readonly dumps: Dump[] = [];
  readonly alarms: Alarm[] = [];
  /** Runs of each program, in the order in which their steps were first called. */
  readonly runsOfProgram = new Map<string, string[]>();
  readonly #met = new Map<string, number>();
  readonly #hash = createHash("sha256");
  #storeOffset = 0;
  #tick = 0;

  constructor({ random, faults, leaseMs, bugs }: WorldOptions) {
    this.random = random;
    this.faults = faults;
    this.leaseMs = leaseMs;
    this.bugs = bugs;
    this.epoch = 1_800_000_000_000 + random.below(1_000_000_000);
    this.scheduler = new Scheduler(random.fork());
  }

  /** The store's clock. The others of the port are never used by a store. */
  get storeClock(): Clock {
    return {
      now: () => this.storeNow(),
      monotonic: () => this.scheduler.now,
      after: () => () => undefined,
      rest: () => Promise.resolve(),
    };
  }

  storeNow(): number {
    return this.epoch + this.#storeOffset + this.scheduler.now;
  }

  stepStoreClock(byMs: number): void {
    this.#storeOffset += byMs;
    this.disturb("store-clock", null, 0, byMs);
  }

  nextTick(): number {
    return ++this.#tick;
  }

  /** A hint to everybody who listens; it may get lost, come twice, or come late. */
  ring(hints: readonly Hint[]): void {
    const { random, faults } = this;
    for (const hint of hints) {
      for (const process of this.processes) {
        if (process.subscribers.size === 0) continue;
        if (random.chance(faults.hintLost)) {
          this.met("hint lost");
          continue;
        }
        const times = random.chance(faults.hintRepeated) ? 2 : 1;
        for (let time = 0; time < times; time++) {
          const delayMs = random.chance(faults.hintLate)
            ? random.fraction() * 3 * this.leaseMs
            : random.fraction();
          this.scheduler.post(delayMs, process, () => {
            for (const subscriber of [...process.subscribers]) subscriber(hint);
          });
        }
      }
    }
  }

  disturb(kind: Disturbance["kind"], process: SimulatedProcess | null, forMs = 0, byMs?: number): void {
    const at = this.scheduler.now;
    this.disturbances.push({
      tick: this.nextTick(),
      at,
      untilAt: at + forMs,
      kind,
      process: process?.name ?? null,
      ...(byMs !== undefined && { byMs }),
    });
  }

  record(call: StoreCall): void {
    this.calls.push(call);
  }

  alarm(process: SimulatedProcess, text: string): void {
    this.alarms.push({ tick: this.nextTick(), process: process.name, text });
  }

  /** An interesting situation was reached. */
  met(what: string): void {
    this.#met.set(what, (this.#met.get(what) ?? 0) + 1);
  }

  get situations(): ReadonlyMap<string, number> {
    return this.#met;
  }

  /** What two runs of one seed must have in common. */
  trace(...words: (string | number)[]): void {
    this.#hash.update(`${this.scheduler.now.toFixed(6)} ${words.join(" ")}\n`);
  }

  traceHash(): string {
    return this.#hash.copy().digest("hex").slice(0, 16);
  }

  heal(): void {
    this.isHealed = true;
    this.isOutage = false;
    this.faults = { ...noFaults, isSkewed: this.faults.isSkewed };
  }

  /** Reads the whole store, without that being seen. */
  async dump(): Promise<void> {
    const { items } = await this.store.runs({ limit: 1_000 });
    const histories = new Map<string, StoredEvent[]>();
    for (const { id } of items) {
      histories.set(id, await this.store.history({ runId: id, afterSeq: 0, limit: 100_000 }));
    }
    this.dumps.push({
      tick: this.nextTick(),
      at: this.scheduler.now,
      storeAt: Math.floor(this.storeNow()),
      isHealed: this.isHealed,
      runs: items,
      histories,
      workers: await this.store.workers(),
    });
  }
}
