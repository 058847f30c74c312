/**
 * What happens to a run in memory: outcomes, timers and messages become events, are delivered to the code, and what the
 * code asks for becomes events too.
 *
 * T1. A turn is one event, its delivery, the code at rest, and the starts of what it asked for then. Between two calls of this
 *     class there are only whole turns, so a commit never has half a one.
 * T2. Nothing here leaves the process: attempts begin, and ends are told, when the caller has committed.
 * T3. Once the run has an ending, or trouble, it takes nothing more.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Entropy } from "../entropy.ts";
import { describeThrown, type PerdureError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { resolveWhen } from "../model/duration.ts";
import type { Event, NewEvent, RunCreated } from "../model/event.ts";
import { encodeFailure } from "../model/failure.ts";
import { effectiveHistory } from "../model/history.ts";
import { createRunId } from "../model/id.ts";
import type { StoredMessage } from "../model/message.ts";
import { decodePayload, encodePayload } from "../model/payload.ts";
import type { RunRecord } from "../model/run.ts";
import { Execution, type Outcome, type Rest } from "../replay/execution.ts";
import type { HeldError } from "../replay/mismatch.ts";
import type { Operation } from "../replay/operation.ts";
import { replay } from "../replay/replay.ts";
import { checkSchema } from "../workflow/schema.ts";
import type { WorkflowSpec } from "../workflow/workflow-spec.ts";
import type { AttemptOutcome } from "./attempt.ts";
import { endFailed, endReturned, endTerminated, unhandledError, type Ending } from "./run-ending.ts";
import { limitError } from "./run-limits.ts";
import { decideFailure, unknownOutcome } from "./step-failure.ts";
import type { StoreTime } from "./store-time.ts";

export interface TurnsPorts {
  storeTime: StoreTime;
  entropy: Entropy;
  logger: Logger;
}

/**
 * A piece of a run's life: it stops where the code has to come to rest, or where something has to settle, before it goes on.
 * Generators, since the promises of as many async functions would cost more than all that they do.
 */
export type Turn = Generator<"rest" | Promise<void>, void, unknown>;

export class Turns {
  readonly execution: Execution;
  readonly #ports: TurnsPorts;
  readonly #spec: WorkflowSpec;
  readonly #run: RunRecord;
  readonly #created: RunCreated;
  /** The time of the last event: what comes later is never earlier. */
  #lastAt: number;
  #eventCount: number;
  #payloadBytes = 0;
  #hasWarned = false;

  /** Events since the last commit. */
  pending: NewEvent[] = [];
  /** Messages that are among them. */
  consumed: string[] = [];
  /** The latest time that one of them claims to have come. */
  notBefore: number | null = null;
  /** Steps whose next attempt begins after the commit. */
  starting: Operation[] = [];
  /** Open operations that are due at a time: timers, and steps in back-off. */
  readonly timed = new Set<Operation>();
  ending: Ending | null = null;
  trouble: HeldError | null = null;

  /** @param events the whole history, from its first event. */
  constructor(ports: TurnsPorts, spec: WorkflowSpec, run: RunRecord, events: readonly Event[]) {
    this.#ports = ports;
    this.#spec = spec;
    this.#run = run;
    this.#created = events[0] as RunCreated;
    this.#lastAt = events.at(-1)!.at;
    this.#eventCount = events.length;
    for (const event of events) this.#payloadBytes += "payload" in event ? (event.payload?.length ?? 0) : 0;
    this.execution = new Execution({
      runId: run.id,
      spec,
      input: decodePayload(this.#created.payload),
      seed: this.#created.seed ?? run.id,
    });
  }

  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  /** Whether events wait for a commit that have an outcome: the crash budget then starts anew. */
  get hasProgress(): boolean {
    return this.pending.some(
      ({ type }) =>
        type === "step.completed" ||
        type === "step.failed" ||
        type === "timer.fired" ||
        type === "message.received",
    );
  }

  /** Gets the code to where its history ends. */
  *begin(events: readonly Event[], workerId: string): Turn {
    const history = effectiveHistory(events);
    const at = this.#turnTime();
    // What the first turn asks for is asked for then, not when the run was created: replay reads its time off these events.
    this.#lastAt = at;
    if (events.length > 1) this.#append({ type: "run.resumed", at, worker: workerId });
    const { rest, trouble } = yield* replay(this.execution, history.events, at);
    if (trouble) {
      this.trouble = trouble;
      return;
    }
    const lost = this.#reopen(history.forgiven, history.isRewound);
    yield* this.#collect({ ...rest, created: rest.created.filter((operation) => operation.state === "new") });
    for (const operation of lost) yield* this.#takeUnknownOutcome(operation);
  }

  *takeAttempt(operation: Operation, outcome: AttemptOutcome): Turn {
    if (this.#isOver) return;
    const at = this.#turnTime();
    const op = operation.number;
    if (outcome.status === "completed") {
      yield* this.#turn({ type: "step.completed", at, op, payload: outcome.payload });
      return;
    }
    const spec = operation.stepSpec;
    const decision = decideFailure({
      spec,
      error: outcome.error,
      attempt: operation.attempt - operation.forgivenAttempts,
      now: at,
      deadlineAt: this.#lastAttemptAt(operation),
      random: this.#ports.entropy.fraction(),
    });
    const failed = { type: "step.failed" as const, at, op, attempt: operation.attempt };
    if ("error" in decision) {
      yield* this.#turn({ ...failed, payload: encodeFailure(decision.error) });
      return;
    }
    operation.lastFailure = describeThrown(outcome.error).slice(0, 500);
    this.#note(operation, { ...failed, retryAt: decision.retryAt, payload: encodeFailure(outcome.error) });
    this.timed.add(operation);
  }

  /** Gives back the attempts that were recorded and have not begun. */
  handBack(): void {
    for (const operation of this.starting.splice(0)) {
      this.#note(operation, { type: "step.handed-back", at: this.#turnTime(), op: operation.number });
    }
  }

  /** The time of a timer, or of a step's next attempt, has come. */
  *takeDue(operation: Operation, dueAt: number): Turn {
    if (this.#isOver || !this.timed.delete(operation)) return;
    const at = Math.max(this.#turnTime(), dueAt);
    this.notBefore = Math.max(this.notBefore ?? 0, dueAt);
    const op = operation.number;
    if (operation.request.kind === "timer") {
      yield* this.#turn({ type: "timer.fired", at, op, dueAt });
      return;
    }
    const attempt = operation.attempt + 1;
    this.#note(operation, {
      type: "step.started",
      at,
      op,
      name: operation.request.name,
      attempt,
      payload: null,
    });
    this.starting.push(operation);
  }

  takeMessage(message: StoredMessage): void {
    if (this.#isOver) return;
    const at = this.#turnTime();
    const { id: messageId, kind, name, payload } = message;
    this.#append({ type: "message.received", at, messageId, kind, name, payload });
    this.consumed.push(messageId);
    this.#end(
      endTerminated(at, payload === null ? "The run was terminated." : String(decodePayload(payload))),
    );
  }

  /** The run ends by a failure that is not its code's. */
  fail(error: PerdureError): void {
    if (!this.#isOver) this.#endFailed(error);
  }

  /** What is pending was committed. */
  committed(): void {
    this.pending = [];
    this.consumed = [];
    this.notBefore = null;
  }

  /** The step's own deadline, at which its attempt ends; null for none. At its run's deadline the whole run ends. */
  stepDeadline(operation: Operation): number | null {
    const { deadlineMs } = operation.stepSpec;
    return deadlineMs === null ? null : operation.startedAt + deadlineMs;
  }

  /** The earlier of a step's deadline and its run's: no attempt begins after it. */
  #lastAttemptAt(operation: Operation): number | null {
    const deadlineAt = Math.min(this.stepDeadline(operation) ?? Infinity, this.#run.deadlineAt ?? Infinity);
    return deadlineAt === Infinity ? null : deadlineAt;
  }

  get #isOver(): boolean {
    return this.ending !== null || this.trouble !== null || this.execution.isDropped;
  }

  *#turn(event: NewEvent): Turn {
    const operation = "op" in event ? this.execution.operations.get(event.op) : undefined;
    if (operation) this.#note(operation, event);
    else this.#append(event);
    this.execution.deliver(event);
    yield "rest";
    yield* this.#collect(this.execution.rest());
  }

  *#collect(rest: Rest): Turn {
    if (this.execution.isDropped) return;
    if (rest.trouble) {
      this.trouble = rest.trouble;
      return;
    }
    if (rest.outcome) {
      yield* this.#endByCode(rest.outcome);
      return;
    }
    const refused: { operation: Operation; error: unknown }[] = [];
    for (const operation of rest.created) {
      const error = this.#start(operation);
      if (error !== undefined) refused.push({ operation, error });
    }
    this.#keepLimits();
    for (const { operation, error } of refused)
      yield* this.takeAttempt(operation, { status: "failed", error });
  }

  /** Answers with the error that makes the operation fail at once, if there is one. */
  #start(operation: Operation): unknown {
    const { request, number: op } = operation;
    const at = this.#lastAt;
    if (request.kind === "timer") {
      const dueAt = Math.ceil(resolveWhen(request.when, at));
      this.#note(operation, { type: "timer.started", at, op, name: request.name, dueAt });
      this.timed.add(operation);
      return undefined;
    }
    let payload: string | null = null;
    let refusal: unknown;
    try {
      if (request.args.length > 0) {
        payload = encodePayload(request.args, `The arguments of step "${request.name}"`, this.#spec.limits);
      }
    } catch (error) {
      refusal = error;
    }
    this.#note(operation, { type: "step.started", at, op, name: request.name, attempt: 1, payload });
    if (refusal === undefined) this.starting.push(operation);
    return refusal;
  }

  *#endByCode(outcome: Outcome): Turn {
    const steps = this.execution.unawaitedSteps.slice(0, 5);
    if (steps.length > 0) {
      const fields = { runId: this.#run.id, workflow: this.#spec.name, steps };
      this.#ports.logger.warn(
        fields,
        "a workflow ended with steps that nobody awaited: they may not have run",
      );
    }
    if (outcome.status === "threw") {
      this.#endFailed(outcome.error);
      return;
    }
    const [unhandled] = this.execution.unhandledReasons;
    if (unhandled !== undefined) {
      this.#endFailed(unhandledError(this.#run, unhandled));
      return;
    }
    if (this.#spec.output) yield this.#checkOutput(this.#spec.output, outcome.value);
    else this.#endReturned(outcome.value);
  }

  async #checkOutput(schema: StandardSchemaV1, value: unknown): Promise<void> {
    const what = `The output of workflow "${this.#spec.name}"`;
    try {
      this.#endReturned(await checkSchema(schema, value, "INVALID_OUTPUT", what));
    } catch (error) {
      this.#endFailed(error);
    }
  }

  #endReturned(value: unknown): void {
    let ending: Ending;
    try {
      ending = endReturned(this.#spec, value, this.#lastAt);
    } catch (error) {
      this.#endFailed(error);
      return;
    }
    this.#end(ending);
  }

  #endFailed(error: unknown): void {
    this.#end(
      endFailed({
        spec: this.#spec,
        run: this.#run,
        error,
        at: this.#turnTime(),
        input: this.#created.payload,
        createId: () => createRunId(this.#ports.storeTime.now(), (size) => this.#ports.entropy.bytes(size)),
        random: this.#ports.entropy.fraction(),
      }),
    );
  }

  #end(ending: Ending): void {
    for (const operation of this.execution.operations.values()) {
      if (operation.request.kind !== "step" || operation.state !== "open" || operation.retryAt !== null)
        continue;
      this.#append({ type: "step.abandoned", at: ending.event.at, op: operation.number });
    }
    this.#append(ending.event);
    this.ending = ending;
    this.starting = [];
  }

  /** Operations that were open when the last worker left. Answers with those whose outcome nobody knows. */
  #reopen(forgiven: ReadonlyMap<number, number>, isRewound: boolean): Operation[] {
    const lost: Operation[] = [];
    for (const operation of this.execution.operations.values()) {
      operation.forgivenAttempts = forgiven.get(operation.number) ?? 0;
      const { request } = operation;
      if (operation.state !== "open") continue;
      if (request.kind === "timer" || operation.retryAt !== null) {
        this.timed.add(operation);
      } else if (isRewound && forgiven.has(operation.number)) {
        // A retried step begins a new attempt, with all its attempts ahead of it.
        operation.retryAt = this.#lastAt;
        this.timed.add(operation);
      } else if (request.spec.once) {
        lost.push(operation);
      } else {
        this.starting.push(operation);
      }
    }
    return lost;
  }

  *#takeUnknownOutcome(operation: Operation): Turn {
    if (this.#isOver) return;
    const error = unknownOutcome(this.#run.id, operation.request.name);
    const { number: op, attempt } = operation;
    yield* this.#turn({
      type: "step.failed",
      at: this.#turnTime(),
      op,
      attempt,
      payload: encodeFailure(error),
    });
  }

  /** Bounds are checked with every turn: a run past one has failed, and says which. */
  #keepLimits(): void {
    const counts = {
      events: this.#eventCount,
      historyBytes: this.#payloadBytes,
      openOperations: this.execution.operations.size,
    };
    const error = limitError(this.#run, counts, this.#spec.limits);
    if (error) this.#endFailed(error);
    if (this.#eventCount <= this.#spec.limits.warnEvents || this.#hasWarned) return;
    this.#hasWarned = true;
    const fields = { runId: this.#run.id, events: this.#eventCount, limit: this.#spec.limits.events };
    this.#ports.logger.warn(fields, "a history grows long");
  }

  #note(operation: Operation, event: NewEvent): void {
    operation.note(event);
    this.#append(event);
  }

  #append(event: NewEvent): void {
    this.#lastAt = Math.max(this.#lastAt, event.at);
    this.#eventCount++;
    if ("payload" in event) this.#payloadBytes += event.payload?.length ?? 0;
    this.pending.push(event);
  }

  #turnTime(): number {
    return Math.max(this.#lastAt, this.#ports.storeTime.now());
  }
}
