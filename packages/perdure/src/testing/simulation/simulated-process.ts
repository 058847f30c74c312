/**
 * One incarnation of a process: its clock, its chance, its doorbell, and its end.
 *
 * P1. What was killed hangs: no promise of it settles and no timer of it fires, as after a SIGKILL. A rejection would run `catch` and
 *     `finally` blocks that a killed process never runs.
 * P2. A pause stops all of it. After a suspension of the machine its monotonic clock has not moved either.
 * P3. Its clocks may show another day, and run at another speed, within what hardware does (500 ppm).
 */
import type { Broker, Hint } from "../../broker.ts";
import type { Clock } from "../../clock.ts";
import type { Entropy } from "../../entropy.ts";
import type { Logger } from "../../logger.ts";
import type { TaskOwner } from "./scheduler.ts";
import type { World } from "./world.ts";
import type { Random } from "./random.ts";

/** So that a timer that was waited for exactly is due. */
const roundingMs = 1e-6;

export class SimulatedProcess implements TaskOwner {
  readonly name: string;
  isDead = false;
  pausedUntil = 0;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly broker: Broker;
  readonly logger: Logger;
  readonly subscribers = new Set<(hint: Hint) => void>();
  readonly #world: World;
  readonly #rate: number;
  readonly #monotonicStart: number;
  #wallOffset: number;
  #suspendedMs = 0;

  constructor(world: World, name: string, random: Random, isSkewed: boolean) {
    this.#world = world;
    this.name = name;
    this.#rate = isSkewed ? 1 + (random.fraction() - 0.5) / 1_000 : 1;
    this.#monotonicStart = random.below(1_000_000);
    this.#wallOffset = isSkewed ? random.between(-3, 3) * 86_400_000 + random.below(5_000) : 0;
    const draws = random.fork();
    this.clock = {
      now: () => Math.floor(world.epoch + this.#wallOffset + world.scheduler.now),
      monotonic: () => this.#monotonic(),
      after: (delayMs, callback) => this.#after(delayMs, callback),
      rest: () => (world.bugs.restIsSkipped ? Promise.resolve() : this.#rest()),
    };
    this.entropy = { bytes: (size) => draws.bytes(size), fraction: () => draws.fraction() };
    this.broker = {
      description: "simulated:",
      publish: (hints) => world.ring(hints),
      subscribe: (onHint) => {
        this.subscribers.add(onHint);
        return () => void this.subscribers.delete(onHint);
      },
      close: async () => this.subscribers.clear(),
    };
    const silent = (): void => undefined;
    this.logger = {
      debug: silent,
      info: silent,
      warn: silent,
      error: (fields, message) => {
        const error = fields["error"] instanceof Error ? ` ${fields["error"].stack ?? ""}` : "";
        world.alarm(this, `${message}${error}`);
      },
    };
  }

  kill(): void {
    this.isDead = true;
    this.subscribers.clear();
  }

  pause(forMs: number, isSuspended: boolean): void {
    this.pausedUntil = Math.max(this.pausedUntil, this.#world.scheduler.now + forMs);
    if (isSuspended) this.#suspendedMs += forMs;
  }

  stepClock(byMs: number): void {
    this.#wallOffset += byMs;
  }

  /** For what runs in this process without being the engine. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(ms, resolve));
  }

  #monotonic(): number {
    return this.#monotonicStart + (this.#world.scheduler.now - this.#suspendedMs) * this.#rate;
  }

  #after(delayMs: number, callback: () => void): () => void {
    const dueAt = this.#monotonic() + delayMs;
    let isOver = false;
    const arm = (): void => {
      const leftMs = Math.max(0, dueAt - this.#monotonic()) / this.#rate;
      this.#world.scheduler.post(leftMs + roundingMs, this, () => {
        if (isOver) return;
        if (this.#monotonic() < dueAt) arm();
        else {
          isOver = true;
          callback();
        }
      });
    };
    arm();
    return () => void (isOver = true);
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => this.#world.scheduler.post(0, this, resolve));
  }
}
