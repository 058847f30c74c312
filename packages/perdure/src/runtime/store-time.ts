/**
 * What time it is at the store, between two of its answers.
 *
 * The estimate is never ahead of the store: it starts from an answer that was true when it was given, and adds the time that
 * has passed since it came. So what seems due here is due there (rule 8), and timers are not early.
 */
import type { Clock } from "../clock.ts";

export class StoreTime {
  readonly #clock: Clock;
  #told = 0;
  #toldAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Each answer of the store brings its time. The newest holds, also when the store's clock was set back. */
  learn(now: number): void {
    this.#told = now;
    this.#toldAt = this.#clock.monotonic();
  }

  now(): number {
    return Math.floor(this.#told + (this.#clock.monotonic() - this.#toldAt));
  }

  /** How long until then; zero when it has passed. */
  until(dueAt: number): number {
    return Math.max(0, dueAt - this.#told - (this.#clock.monotonic() - this.#toldAt));
  }
}
