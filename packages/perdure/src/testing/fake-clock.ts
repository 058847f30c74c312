/**
 * A clock that stands still until a test moves it.
 *
 * Timers fire in the order of their due times, those of one moment in the order in which they were set; the wall clock can be
 * set apart from the monotonic one, as an operator or a time server does.
 */
import type { Clock } from "../clock.ts";

interface Timer {
  dueAt: number;
  callback: () => void;
}

/** A Tuesday in November 2023. */
const defaultStart = 1_700_000_000_000;

export class FakeClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  /** By due time; equal ones in the order in which they were set. */
  #timers: Timer[] = [];
  #resting = 0;

  constructor(startMs = defaultStart) {
    this.#wallMs = startMs;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueAt: this.#monotonicMs + Math.max(0, delayMs), callback };
    const behind = this.#timers.findLastIndex(({ dueAt }) => dueAt <= timer.dueAt);
    this.#timers.splice(behind + 1, 0, timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  async rest(): Promise<void> {
    this.#resting++;
    await new Promise((resolve) => setImmediate(resolve));
    this.#resting--;
  }

  /** Whether some code is waiting to have come to rest. */
  get isResting(): boolean {
    return this.#resting > 0;
  }

  /** Milliseconds until the next timer; null when none is set. */
  get untilNext(): number | null {
    const [next] = this.#timers;
    return next ? next.dueAt - this.#monotonicMs : null;
  }

  /** Moves to the next timer and fires it. Answers false when none is due within the limit. */
  step(limitMs = Infinity): boolean {
    const [next] = this.#timers;
    if (!next || next.dueAt - this.#monotonicMs > limitMs) return false;
    this.leap(Math.max(0, next.dueAt - this.#monotonicMs));
    this.#timers.shift();
    next.callback();
    return true;
  }

  /** Moves by so much. What is due on the way fires at its time, and code comes to rest in between. */
  async advance(ms: number): Promise<void> {
    const endsAt = this.#monotonicMs + ms;
    while (this.step(endsAt - this.#monotonicMs)) await this.rest();
    this.leap(Math.max(0, endsAt - this.#monotonicMs));
    await this.rest();
  }

  /** Moves by so much and fires nothing, as for a machine that slept: what is due fires with the next step. */
  leap(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  /** Moves the wall clock alone; backwards when negative. */
  stepWall(ms: number): void {
    this.#wallMs += ms;
  }
}
