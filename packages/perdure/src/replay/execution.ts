/**
 * One run in memory: the workflow's function, the operations that it asked for, and what was delivered to it.
 *
 * X1. Results are delivered one at a time, in history order, the next only after the code has come to rest. Whoever drives the
 *     execution waits for that between `deliver` and `rest`.
 * X2. An operation may begin only within a delivery. One that begins at rest was woken by something that history does not
 *     have: it never settles, and the run is held (`FOREIGN_AWAIT`).
 * X3. Operations are numbered in call order. While history knows the next number, kind and name must agree with it.
 * X4. After `drop`, nothing settles and nothing is asked for any more.
 * X5. No timer, no driver, no Node built-in: what it does depends on history, messages and code alone.
 */
import type { Event, NewEvent } from "../model/event.ts";
import { decodePayload } from "../model/payload.ts";
import { decodeFailure, errorFromFailure } from "../model/failure.ts";
import { withScope, type OperationRequest, type RunScope } from "../workflow/context.ts";
import { callerPlace } from "../workflow/source-place.ts";
import type { WorkflowSpec } from "../workflow/workflow-spec.ts";
import { differentOperation, foreignAwait, foreignEnd, type HeldError } from "./mismatch.ts";
import { Operation } from "./operation.ts";
import { createSequence } from "./sequence.ts";

export type Outcome = { status: "returned"; value: unknown } | { status: "threw"; error: unknown };

/** What a turn of the code has led to. */
export interface Rest {
  /** Operations that the code asked for, in order. */
  created: Operation[];
  outcome: Outcome | null;
  /** The run must be held. */
  trouble: HeldError | null;
}

/** What history has to say about an operation before the code asks for it. */
export interface RecordedOperation {
  kind: string;
  name: string;
}

export interface ExecutionOptions {
  runId: string;
  spec: WorkflowSpec;
  input: unknown;
  seed: string;
}

export class Execution implements RunScope {
  readonly kind = "run";
  readonly runId: string;
  readonly workflow: string;
  /** Those that have not settled, by number; the first is 1. */
  readonly operations = new Map<number, Operation>();
  readonly #spec: WorkflowSpec;
  readonly #input: unknown;
  readonly #seed: string;
  #sequence: (() => number) | null = null;
  /** Operations of the history that the code has to ask for again; null when it is not replayed. */
  #recorded: ReadonlyMap<number, RecordedOperation> | null = null;
  /** The last operation that the history has before its next outcome. */
  #expectedNumber = 0;
  #delivering = false;
  #dropped = false;
  #now = 0;
  #nextNumber = 1;
  #created: Operation[] = [];
  #outcome: Outcome | null = null;
  #trouble: HeldError | null = null;
  #unhandled: Map<Promise<unknown>, unknown> | null = null;

  constructor(options: ExecutionOptions) {
    this.runId = options.runId;
    this.workflow = options.spec.name;
    this.#spec = options.spec;
    this.#input = options.input;
    this.#seed = options.seed;
  }

  /** From here to `endReplay` operations are compared with these. */
  beginReplay(recorded: ReadonlyMap<number, RecordedOperation>): void {
    this.#recorded = recorded;
  }

  /** Until the next outcome, history has operations up to this number. */
  expectOperations(lastNumber: number): void {
    this.#expectedNumber = lastNumber;
  }

  endReplay(): void {
    this.#recorded = null;
  }

  /** Calls the workflow's function. Its first turn lasts until `rest`. */
  begin(at: number): void {
    this.#now = at;
    this.#delivering = true;
    let result: unknown;
    try {
      result = withScope(this, this.#spec.run, this.#input as never);
    } catch (error) {
      this.#end({ status: "threw", error });
      return;
    }
    Promise.resolve(result).then(
      (value) => this.#end({ status: "returned", value }),
      (error: unknown) => this.#end({ status: "threw", error }),
    );
  }

  /** Hands an outcome to the code. Its turn lasts until `rest`. */
  deliver(event: Event | NewEvent): void {
    if (this.#dropped) return;
    this.#now = Math.max(this.#now, event.at);
    this.#delivering = true;
    if (!("op" in event)) return;
    const operation = this.operations.get(event.op);
    if (!operation) return;
    // Nothing more can happen to it, and a run of many steps must not grow with each.
    this.operations.delete(event.op);
    switch (event.type) {
      case "step.completed":
        operation.resolve(decodePayload(event.payload));
        break;
      case "step.failed":
        operation.reject(errorFromFailure(decodeFailure(event.payload)));
        break;
      case "timer.fired":
        operation.resolve(undefined);
        break;
      default:
        break;
    }
  }

  /** The code has come to rest: what it asked for meanwhile. */
  rest(): Rest {
    this.#delivering = false;
    const created = this.#created;
    this.#created = [];
    return { created, outcome: this.#outcome, trouble: this.#trouble };
  }

  drop(): void {
    this.#dropped = true;
    this.#created = [];
  }

  get isDropped(): boolean {
    return this.#dropped;
  }

  /** The trouble that came up outside of a turn, if any. */
  get trouble(): HeldError | null {
    return this.#trouble;
  }

  perform(request: OperationRequest): Promise<unknown> {
    if (this.#dropped || this.#trouble !== null || this.#outcome !== null) return never();
    if (!this.#delivering) {
      this.#trouble = foreignAwait(this.runId, request, callerPlace());
      this.onTrouble?.();
      return never();
    }
    const number = this.#nextNumber++;
    let place: string | null = null;
    if (this.#recorded) {
      const recorded = this.#recorded.get(number);
      if (recorded && (recorded.kind !== request.kind || recorded.name !== request.name)) {
        this.#trouble = differentOperation(this.runId, number, recorded, request, callerPlace());
        return never();
      }
      // Beyond what is expected somebody will want to know the place; looking for it costs too much for each.
      if (number > this.#expectedNumber) place = callerPlace();
    }
    const operation = new Operation(number, request, place);
    this.operations.set(number, operation);
    this.#created.push(operation);
    return operation.promise;
  }

  /** Told of trouble that comes up at rest, when nobody is about to ask. */
  onTrouble: (() => void) | null = null;

  now(): number {
    return this.#now;
  }

  random(): number {
    this.#sequence ??= createSequence(this.#seed);
    return this.#sequence();
  }

  noteUnhandled(promise: Promise<unknown>, reason: unknown): void {
    this.#unhandled ??= new Map();
    this.#unhandled.set(promise, reason);
  }

  noteHandled(promise: Promise<unknown>): void {
    this.#unhandled?.delete(promise);
  }

  /** Steps whose outcome nobody has asked for, by name. */
  get unawaitedSteps(): string[] {
    return [...this.operations.values()]
      .filter((operation) => operation.request.kind === "step" && !operation.isAwaited)
      .map((operation) => operation.request.name);
  }

  /** Rejections that nobody has handled, now that the function has returned. */
  get unhandledReasons(): unknown[] {
    return [...(this.#unhandled?.values() ?? [])];
  }

  #end(outcome: Outcome): void {
    // A function that ends outside of a delivery was woken by something foreign; how it ended would not repeat.
    if (this.#dropped || this.#trouble !== null) return;
    if (!this.#delivering) {
      this.#trouble = foreignEnd(this.runId);
      this.onTrouble?.();
      return;
    }
    this.#outcome = outcome;
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
