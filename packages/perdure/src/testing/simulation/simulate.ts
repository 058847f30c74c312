/**
 * One seed: a world with its processes, programs, clients and faults, from its begin until everything has ended.
 *
 * The engine in it is the real one. First there are faults; then they stop, and whatever was started must come to its end.
 */
import { createEngine, type Engine, type WorkerHandle } from "../../engine.ts";
import type { Store } from "../../store.ts";
import type { StepInfo } from "../../workflow/context.ts";
import { createFaultyStore } from "./faulty-store.ts";
import { drawFaults } from "./faults.ts";
import { hostSteps, simulatedWorkflows, type StepHost } from "./interpreter.ts";
import type { PlantedBug } from "./planted/planting.ts";
import { longestMs } from "./program-bounds.ts";
import { ProgramGenerator, type Program, type StepNode } from "./programs.ts";
import { Random } from "./random.ts";
import type { Effect, Recording } from "./recording.ts";
import { macrotask } from "./scheduler.ts";
import { SimulatedClient, type Wish } from "./simulated-client.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { World } from "./world.ts";

export interface SimulationOptions {
  seed: number;
  /** Opens an empty store that reads this clock. */
  openStore: (clock: World["storeClock"]) => Promise<Store>;
  bug?: PlantedBug;
}

export interface Simulated {
  recording: Recording;
  /** Two runs of one seed have the same. */
  traceHash: string;
  situations: ReadonlyMap<string, number>;
}

const leaseMs = 2_000;

/** Never two at a time in one thread: the functions of steps find their world through the module. */
export async function simulate(options: SimulationOptions): Promise<Simulated> {
  const undo = options.bug?.patch?.() ?? (() => undefined);
  try {
    const simulation = new Simulation(options);
    return await simulation.run(options);
  } finally {
    hostSteps(null);
    undo();
  }
}

class Simulation implements StepHost {
  readonly #seed: number;
  readonly #random: Random;
  readonly #world: World;
  readonly #programs: Program[];
  readonly #wishes: Wish[][];
  readonly #crashLimit: number;
  readonly #concurrency: number;
  readonly #hotRuns: number;
  readonly #healAt: number;
  /** Whether those who start runs work for the engine as well. */
  readonly #doClientsWork: boolean;
  readonly #restarts = new Map<SimulatedProcess, () => void>();
  #incarnations = 0;
  #unfulfilled = 0;
  #isOver = false;

  constructor({ seed, bug }: SimulationOptions) {
    this.#seed = seed;
    this.#random = new Random(seed);
    const random = this.#random;
    this.#world = new World({
      random: random.fork(),
      faults: drawFaults(random),
      leaseMs,
      bugs: { restIsSkipped: bug?.restIsSkipped ?? false },
    });
    this.#crashLimit = random.pick([2, 3, 5, 5]);
    this.#concurrency = random.pick([1, 2, 5, 100]);
    this.#hotRuns = random.pick([1, 2, 1_000]);
    this.#doClientsWork = random.chance(0.4);
    this.#healAt = leaseMs * random.between(4, 10);
    const generator = new ProgramGenerator(random.fork(), leaseMs);
    this.#programs = Array.from({ length: random.between(2, 6) }, (_, index) =>
      generator.program(`p${index + 1}`),
    );
    this.#wishes = Array.from({ length: random.between(1, 2) }, () => this.#drawWishes());
  }

  async run({ openStore, bug }: SimulationOptions): Promise<Simulated> {
    const world = this.#world;
    const subject = await openStore(world.storeClock);
    await subject.open();
    world.store = bug?.wrapStore?.(subject, new Random(this.#seed)) ?? subject;
    hostSteps(this);
    try {
      for (let index = 1; index <= this.#random.between(1, 3); index++) this.#beginWorker(`worker${index}`);
      this.#wishes.forEach((_, index) => this.#beginClient(index));
      this.#beginFaults();
      this.#dumpEvery(leaseMs / 2);
      world.scheduler.post(this.#healAt, null, () => world.heal());
      const patienceMs = this.#patienceMs();
      await world.scheduler.run(() => this.#isOver || world.scheduler.now > this.#healAt + patienceMs);
      await world.dump();
      return {
        recording: this.#recording(patienceMs),
        traceHash: world.traceHash(),
        situations: world.situations,
      };
    } finally {
      for (const process of world.processes) process.kill();
      await macrotask();
      await subject.close();
    }
  }

  #recording(patienceMs: number): Recording {
    const world = this.#world;
    return {
      seed: this.#seed,
      leaseMs,
      crashLimit: this.#crashLimit,
      healedAt: this.#healAt,
      patienceMs,
      isStuck: world.scheduler.isStuck,
      areClientsDone: this.#unfulfilled === 0,
      programs: this.#programs,
      calls: world.calls,
      effects: world.effects,
      clientCalls: world.clientCalls,
      disturbances: world.disturbances,
      dumps: world.dumps,
      alarms: world.alarms,
      runsOfProgram: world.runsOfProgram,
      endedAt: world.scheduler.now,
      steps: world.scheduler.steps,
    };
  }

  #drawWishes(): Wish[] {
    const random = this.#random;
    const wishes = this.#programs.map((program) => ({
      program,
      startAfterMs: random.below(this.#healAt * 0.6),
      startsTwice: random.chance(0.2),
      conflicts: random.chance(0.1),
      terminateAfterMs: random.chance(0.2) ? random.below(leaseMs * (random.chance(0.5) ? 0.2 : 4)) : null,
      retriesFailure: random.chance(0.5),
      asksStatusEveryMs: random.chance(0.2) ? random.between(100, leaseMs) : null,
    }));
    return wishes.filter(() => random.chance(0.8));
  }

  #spawn(name: string): SimulatedProcess {
    const world = this.#world;
    const process = new SimulatedProcess(
      world,
      `${name}.${++this.#incarnations}`,
      world.random.fork(),
      world.faults.isSkewed,
    );
    world.processes.add(process);
    return process;
  }

  #createEngine(process: SimulatedProcess) {
    const { clock, entropy, broker, logger } = process;
    const store = createFaultyStore(this.#world, process);
    return createEngine({ store, clock, entropy, broker, logger, lease: leaseMs, pollInterval: leaseMs / 2 });
  }

  #beginWorker(name: string): void {
    const process = this.#spawn(name);
    let handle: WorkerHandle | null = null;
    this.#work(process, this.#createEngine(process), (begun) => (handle = begun));
    this.#restarts.set(process, () => this.#beginWorker(name));
    this.#stopOnce(
      process,
      () => handle,
      () => this.#beginWorker(name),
    );
  }

  /** Its first task is its own: whatever it leads to runs as this process. */
  #work(process: SimulatedProcess, engine: Engine, onBegun: (handle: WorkerHandle) => void): void {
    const begin = async (): Promise<void> => {
      for (;;) {
        try {
          const handle = await engine.work({
            workflows: Object.values(simulatedWorkflows()),
            concurrency: this.#concurrency,
            crashLimit: this.#crashLimit,
            hot: { runs: this.#hotRuns },
          });
          onBegun(handle);
          return;
        } catch {
          this.#world.met("a worker could not begin");
          await process.sleep(100);
        }
      }
    };
    this.#world.scheduler.post(0, process, () => void begin());
  }

  #beginClient(index: number): void {
    const process = this.#spawn(`client${index + 1}`);
    const engine = this.#createEngine(process);
    const client = new SimulatedClient(this.#world, process, engine, `client${index + 1}`);
    if (this.#doClientsWork) this.#work(process, engine, () => undefined);
    const wishes = this.#wishes[index]!;
    let left = wishes.length;
    this.#unfulfilled += left;
    for (const wish of wishes) {
      this.#world.scheduler.post(0, process, () => {
        void client.fulfil(wish).then(() => {
          left--;
          this.#unfulfilled--;
        });
      });
    }
    this.#restarts.set(process, () => {
      this.#unfulfilled -= left;
      this.#beginClient(index);
    });
  }

  #kill(process: SimulatedProcess): void {
    const world = this.#world;
    if (process.isDead) return;
    process.kill();
    world.processes.delete(process);
    world.disturb("kill", process);
    world.trace(process.name, "killed");
    const restart = this.#restarts.get(process);
    this.#restarts.delete(process);
    if (restart) world.scheduler.post(world.random.fraction() * 2 * leaseMs, null, restart);
  }

  /** A deployment: the worker is stopped, and another process takes its place. */
  #stopOnce(process: SimulatedProcess, handle: () => WorkerHandle | null, replace: () => void): void {
    const world = this.#world;
    const { stopEveryMs } = world.faults;
    if (stopEveryMs === Infinity) return;
    const drain = world.random.chance(0.3)
      ? (false as const)
      : Math.ceil(world.random.fraction() * 2 * leaseMs);
    world.scheduler.post(this.#soon(stopEveryMs), process, () => {
      const worker = handle();
      if (!worker || world.isHealed) return;
      world.met("a worker was stopped");
      this.#restarts.delete(process);
      world.scheduler.post(world.random.fraction() * leaseMs, null, replace);
      void worker.stop({ drain }).then(() => world.disturb("stop", process));
    });
  }

  #beginFaults(): void {
    const world = this.#world;
    const { faults, random, scheduler } = world;
    const every = (meanMs: number, strike: () => void): void => {
      if (meanMs === Infinity) return;
      scheduler.post(this.#soon(meanMs), null, () => {
        if (world.isHealed) return;
        strike();
        every(meanMs, strike);
      });
    };
    const anyProcess = (): SimulatedProcess | undefined => {
      const alive = [...world.processes];
      return alive.length === 0 ? undefined : random.pick(alive);
    };
    every(faults.killEveryMs, () => {
      const process = anyProcess();
      if (process) this.#kill(process);
    });
    every(faults.pauseEveryMs, () => {
      const process = anyProcess();
      if (!process || process.pausedUntil > scheduler.now) return;
      const forMs = random.fraction() * 4 * leaseMs;
      process.pause(forMs, random.chance(0.3));
      world.disturb("pause", process, forMs);
      if (forMs > leaseMs) world.met("a process was paused beyond its lease");
    });
    every(faults.outageEveryMs, () => {
      if (world.isOutage) return;
      const forMs = random.fraction() * 4 * leaseMs;
      world.isOutage = true;
      world.disturb("outage", null, forMs);
      scheduler.post(forMs, null, () => (world.isOutage = false));
    });
    every(faults.storeClockStepEveryMs, () => {
      const byMs = Math.round((random.fraction() - 0.5) * (random.chance(0.5) ? 6 : 0.2) * leaseMs);
      world.stepStoreClock(byMs);
      world.met(byMs < 0 ? "the store's clock was set back" : "the store's clock was set forward");
    });
    every(faults.workerClockStepEveryMs, () => {
      const process = anyProcess();
      const byMs = Math.round((random.fraction() - 0.5) * 20 * leaseMs);
      process?.stepClock(byMs);
      world.disturb("worker-clock", process ?? null, 0, byMs);
    });
  }

  #soon(meanMs: number): number {
    return -Math.log(1 - this.#world.random.fraction()) * meanMs;
  }

  #dumpEvery(ms: number): void {
    const world = this.#world;
    world.scheduler.post(ms, null, () => {
      void world.dump().then(() => {
        const { runs } = world.dumps.at(-1)!;
        const isQuiet = runs.every(({ status }) => ["completed", "failed", "cancelled"].includes(status));
        this.#isOver = world.isHealed && isQuiet && this.#unfulfilled === 0 && this.#allStarted();
      });
      this.#dumpEvery(ms);
    });
  }

  /** A client that was killed has not begun again yet. */
  #allStarted(): boolean {
    return (
      [...this.#world.processes].filter(({ name }) => name.startsWith("client")).length ===
      this.#wishes.length
    );
  }

  #patienceMs(): number {
    const workMs = this.#programs.reduce((sum, program) => sum + longestMs(program.root, leaseMs), 0);
    return 60 * leaseMs + 3 * workMs;
  }

  async perform(info: StepInfo, node: StepNode, program: Program): Promise<"ok" | "failed"> {
    const world = this.#world;
    const process = world.scheduler.current as SimulatedProcess;
    const line = this.#lineOf(info, node, program, process);
    const runs = world.runsOfProgram.get(program.id) ?? [];
    world.runsOfProgram.set(program.id, runs);
    if (!runs.includes(info.runId)) runs.push(info.runId);
    const fails =
      node.isFatal || node.failsInRuns > runs.indexOf(info.runId) || info.attempt <= node.failures;
    line("begin");
    if (node.isPoison || world.random.chance(world.faults.killInStep)) {
      world.scheduler.post(world.random.fraction() * 20, null, () => this.#kill(process));
      world.met("a process was killed in a step");
    }
    const hangs = info.attempt <= node.hangs || node.isPoison;
    const durationMs = hangs ? 2 ** 30 : node.durationMs * (0.5 + world.random.fraction() / 2);
    const isAborted = await waitUnlessAborted(process, durationMs, info.signal);
    if (isAborted) {
      line("aborted");
      world.met("an attempt was aborted");
      throw info.signal.reason;
    }
    line("end", fails ? "failed" : "ok");
    return fails ? "failed" : "ok";
  }

  #lineOf(info: StepInfo, node: StepNode, program: Program, process: SimulatedProcess) {
    const world = this.#world;
    return (kind: Effect["kind"], outcome?: "ok" | "failed"): void => {
      world.trace(process.name, kind, info.idempotencyKey, info.attempt);
      world.effects.push({
        tick: world.nextTick(),
        at: world.scheduler.now,
        kind,
        process: process.name,
        runId: info.runId,
        op: Number(info.idempotencyKey.split("/").at(-2)),
        step: info.step,
        attempt: info.attempt,
        key: info.idempotencyKey,
        ...(outcome && { outcome }),
        isOnce: node.once,
        isTransient: program.workflow === "transient",
        maxAttempts: node.maxAttempts,
      });
    };
  }
}

/** Answers whether it was aborted. */
function waitUnlessAborted(process: SimulatedProcess, ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(true);
      return;
    }
    const disarm = process.clock.after(ms, () => resolve(false));
    signal.addEventListener(
      "abort",
      () => {
        disarm();
        resolve(true);
      },
      { once: true },
    );
  });
}
