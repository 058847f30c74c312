/**
 * One durable call of a run: what is known of it, from the events about it.
 *
 * O1. Its state is a fold of its events, the same live and in replay.
 * O2. It settles at most once. An operation of an execution that was dropped never settles.
 */
import type { Event, NewEvent } from "../model/event.ts";
import type { OperationRequest } from "../workflow/context.ts";
import type { StepSpec } from "../workflow/step-spec.ts";

/** Knows whether anybody has asked for its outcome. */
class ObservedPromise extends Promise<unknown> {
  isObserved = false;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  override then<A = unknown, B = never>(
    onFulfilled?: ((value: unknown) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isObserved = true;
    return super.then(onFulfilled, onRejected);
  }
}

export class Operation {
  readonly number: number;
  readonly request: OperationRequest;
  /** Where the code asked for it, when it did so beyond its history; otherwise nobody has looked. */
  readonly place: string | null;
  readonly #promise: ObservedPromise;
  #resolve!: (value: unknown) => void;
  #reject!: (reason: unknown) => void;

  /** `new` until its start is in the history; `open` until its outcome is. */
  state: "new" | "open" | "settled" = "new";
  /** The number of the attempt that runs, or ran last. */
  attempt = 0;
  /** Attempts that no longer count, because the run was rewound after them. */
  forgivenAttempts = 0;
  /** When a step's next attempt begins; null while one runs. */
  retryAt: number | null = null;
  /** What the last attempt failed with, as text, for people. */
  lastFailure: string | null = null;
  /** Store time of the first start. */
  startedAt = 0;
  /** The arguments of a step, as they were recorded; null when there are none. */
  argsText: string | null = null;
  /** When a timer is due. */
  dueAt = 0;

  constructor(number: number, request: OperationRequest, place: string | null) {
    this.number = number;
    this.request = request;
    this.place = place;
    this.#promise = new ObservedPromise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get promise(): Promise<unknown> {
    return this.#promise;
  }

  /** How the step was declared. Only asked of steps. */
  get stepSpec(): StepSpec {
    if (this.request.kind !== "step") throw new Error(`Operation ${this.number} is no step.`);
    return this.request.spec;
  }

  /** Whether the code awaits it, or has handed it to something that does. */
  get isAwaited(): boolean {
    return this.#promise.isObserved;
  }

  /** Takes note of an event about this operation. Outcomes reach the code by `resolve` or `reject`. */
  note(event: Event | NewEvent): void {
    switch (event.type) {
      case "step.started":
        if (this.state === "new") {
          this.startedAt = event.at;
          this.argsText = event.payload;
        }
        this.state = "open";
        this.attempt = event.attempt;
        this.retryAt = null;
        break;
      case "timer.started":
        this.state = "open";
        this.startedAt = event.at;
        this.dueAt = event.dueAt;
        break;
      case "step.failed":
        this.retryAt = event.retryAt ?? null;
        if (event.retryAt === undefined) this.state = "settled";
        break;
      case "step.handed-back":
        this.attempt--;
        this.retryAt = event.at;
        break;
      case "step.completed":
      case "step.abandoned":
      case "timer.fired":
        this.state = "settled";
        break;
      default:
        break;
    }
  }

  resolve(value: unknown): void {
    this.#resolve(value);
  }

  reject(reason: unknown): void {
    // A branch may come to await this only later; until then a rejection is nobody's mistake.
    const { isObserved } = this.#promise;
    this.#promise.catch(() => undefined);
    this.#promise.isObserved = isObserved;
    this.#reject(reason);
  }
}
