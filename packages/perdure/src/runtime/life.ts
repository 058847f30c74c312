/**
 * Lets a generator live: it says what it waits for, and is resumed when that has come.
 *
 * A run's life has some twenty waits. As async functions they would cost more promises, and with them more time, than
 * all that happens in between; as callbacks nobody could read them.
 */
import type { Clock } from "../clock.ts";
import type { RunWrite, WriteAnswer } from "../store.ts";
import type { Journal } from "./journal.ts";

/** Code at rest; something that happens to the run; the store's answer to a write; anything else that settles. */
export type Pause = "rest" | "event" | RunWrite | Promise<unknown>;

/** A write is answered with a `WriteAnswer`, everything else with nothing. */
export type LifeOf<Result> = Generator<Pause, Result, WriteAnswer | undefined>;

/** Resumes all lives that came to rest in one turn after the same rest: one promise serves them all. */
export class RestRoom {
  readonly #clock: Clock;
  #resting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  rest(resume: () => void): void {
    if (this.#resting.push(resume) > 1) return;
    void this.#clock.rest().then(() => {
      const rested = this.#resting;
      this.#resting = [];
      for (const wake of rested) wake();
    });
  }
}

export class Life<Result> {
  readonly #restRoom: RestRoom;
  readonly #journal: Journal;
  readonly #generator: LifeOf<Result>;
  readonly #onEnd: (result: Result) => void;
  #waitsForEvent = false;

  /** @param generator must not throw. */
  constructor(
    ports: { restRoom: RestRoom; journal: Journal },
    generator: LifeOf<Result>,
    onEnd: (result: Result) => void,
  ) {
    this.#restRoom = ports.restRoom;
    this.#journal = ports.journal;
    this.#generator = generator;
    this.#onEnd = onEnd;
  }

  begin(): void {
    this.#resume(undefined);
  }

  /** Something has happened. Nobody hears of it who does not wait: the generator looks before it does. */
  wake(): void {
    if (!this.#waitsForEvent) return;
    this.#waitsForEvent = false;
    this.#resume(undefined);
  }

  readonly #resume = (answer: WriteAnswer | undefined): void => {
    this.#follow(this.#generator.next(answer));
  };

  readonly #resumeEmpty = (): void => {
    this.#follow(this.#generator.next(undefined));
  };

  readonly #throw = (error: unknown): void => {
    this.#follow(this.#generator.throw(error));
  };

  #follow(result: IteratorResult<Pause, Result>): void {
    if (result.done) {
      this.#onEnd(result.value);
      return;
    }
    const pause = result.value;
    if (pause === "rest") this.#restRoom.rest(this.#resumeEmpty);
    else if (pause === "event") this.#waitsForEvent = true;
    else if (pause instanceof Promise) pause.then(this.#resumeEmpty, this.#throw);
    else this.#journal.submit(pause, this.#resume, this.#throw);
  }
}
