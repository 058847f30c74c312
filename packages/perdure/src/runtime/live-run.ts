/**
 * One run while this worker owns it: feeds its turns, commits what they lead to, and lets steps begin.
 *
 * L1. The function of a step is called only after the commit that has its start was accepted; attempts are aborted, and
 *     anybody is told of an end, only after the commit that says so was (rule 5).
 * L2. One write is under way at a time. What arrives meanwhile waits for its answer.
 * L3. A run without a running attempt and without input is parked in the same commit that writes its last events, unless its
 *     inbox has moved.
 * L4. When the claim is gone, everything in memory is dropped: nothing settles, nothing is written, attempts are aborted.
 * L5. A transient run writes only its end; its turns live in memory.
 */
import type { Clock } from "../clock.ts";
import type { Entropy } from "../entropy.ts";
import { CancelledError, PerdureError, describeThrown } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { decodeEvent, type Event } from "../model/event.ts";
import type { StoredMessage } from "../model/message.ts";
import type { RunRecord } from "../model/run.ts";
import { HeldError } from "../replay/mismatch.ts";
import type { ClaimedRun, Leave, RunWrite, Store, WriteAnswer } from "../store.ts";
import type { WorkflowSpec } from "../workflow/workflow-spec.ts";
import { Attempts, type AttemptEnd } from "./attempts.ts";
import { LeaseLost, type Journal } from "./journal.ts";
import { Life, type LifeOf, type RestRoom } from "./life.ts";
import { decideLeave, holdFor, idleLimitMs } from "./leaving.ts";
import { deadlineError, lostError } from "./run-ending.ts";
import { exitOf, type RunExit } from "./run-exit.ts";
import type { StoreTime } from "./store-time.ts";
import { Turns } from "./turns.ts";
import { dueTime, waitOf } from "./waiting-for.ts";

export interface LiveRunPorts {
  store: Store;
  journal: Journal;
  restRoom: RestRoom;
  storeTime: StoreTime;
  clock: Clock;
  entropy: Entropy;
  logger: Logger;
  workerId: string;
  /** Claims in a row without a recorded outcome, after which a run is a dead letter. */
  crashLimit: number;
}

type Input =
  ({ kind: "attempt" } & AttemptEnd) | { kind: "message"; message: StoredMessage } | { kind: "inbox" };

export class LiveRun {
  readonly runId: string;
  readonly #ports: LiveRunPorts;
  readonly #spec: WorkflowSpec;
  #run: RunRecord;
  #claimed: ClaimedRun | null;
  /** Null until the first claim's history was read. */
  #turns: Turns | null = null;
  #nextSeq: number;
  #commitNumber: number;
  #readInboxSeq: number;
  #inputs: Input[] = [];
  readonly #attempts: Attempts;
  #isDropped = false;
  #isDraining = false;
  #idleSince: number | null = null;
  #life: Life<RunExit> | null = null;

  constructor(ports: LiveRunPorts, spec: WorkflowSpec, claimed: ClaimedRun) {
    this.#ports = ports;
    this.#spec = spec;
    this.#claimed = claimed;
    this.#run = claimed.run;
    this.runId = claimed.run.id;
    // Zero after a claim; a run that was loaded again has written under it before.
    this.#commitNumber = claimed.run.commitNumber;
    this.#nextSeq = claimed.run.nextSeq;
    this.#readInboxSeq = claimed.run.inboxSeq;
    this.#attempts = new Attempts({
      runId: this.runId,
      workflow: spec.name,
      limits: spec.limits,
      clock: ports.clock,
      storeTime: ports.storeTime,
      onEnd: (end) => this.#push({ kind: "attempt", ...end }),
    });
  }

  get claim(): string {
    return this.#run.claim!;
  }

  get readInboxSeq(): number {
    return this.#readInboxSeq;
  }

  /** What a later claim must find for this execution to go on where it stands. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** A rough size in memory, for the cache of parked executions. */
  get memoryBytes(): number {
    return 4_096 + 2 * (this.#turns?.payloadBytes ?? 0);
  }

  /** Goes on with a run that was parked here, and that nobody else has written to. */
  resume(claimed: ClaimedRun): void {
    this.#claimed = claimed;
    this.#run = claimed.run;
    this.#commitNumber = 0;
    this.#nextSeq = claimed.run.nextSeq;
    this.#readInboxSeq = claimed.run.inboxSeq;
  }

  /** Lives until the run is parked, has ended, or is no longer this worker's; then calls back, once. */
  live(onExit: (exit: RunExit) => void): void {
    this.#life = new Life(this.#ports, this.#live(), onExit);
    this.#life.begin();
  }

  /** The claim is gone, or the worker is: nothing more may come of this run here. */
  drop(): void {
    this.#drop();
    this.#ring();
  }

  /** Lets running attempts end, begins nothing new, and hands the run back. */
  drain(): void {
    this.#isDraining = !this.#spec.transient;
    this.#ring();
  }

  /** There may be messages that were not read. */
  lookIntoInbox(): void {
    this.#push({ kind: "inbox" });
  }

  *#live(): LifeOf<RunExit> {
    try {
      return yield* this.#liveOn();
    } catch (error) {
      if (error instanceof LeaseLost || this.#isDropped) return this.#drop();
      return yield* this.#holdAfter(error);
    }
  }

  *#liveOn(): LifeOf<RunExit> {
    yield* this.#begin();
    for (;;) {
      yield* this.#takeInputs();
      if (this.#isDropped) return { kind: "dropped" };
      const write = this.#nextWrite(this.#leave());
      if (write) {
        const answer = (yield write)!;
        if (this.#isDropped) return { kind: "dropped" };
        const exit = this.#settle(write, answer);
        if (exit === "unread") yield this.#readInbox();
        else if (exit) return exit;
        if (this.#isDropped) return { kind: "dropped" };
      }
      this.#startAttempts();
      if (this.#inputs.length === 0) yield* this.#somethingHappens();
    }
  }

  *#begin(): LifeOf<void> {
    const { events, messages } = this.#claimed!;
    if (!this.#turns) {
      const history = events.map(decodeEvent);
      this.#turns = this.#createTurns(history);
      const lost = lostError(this.#spec, this.#claimed!, this.#ports.crashLimit);
      // Ending a run needs none of its code, which may not even fit.
      const order = messages.find(({ kind }) => kind === "terminate");
      if (order) this.#turns.takeMessage(order);
      else if (lost) this.#turns.fail(lost);
      else if (!this.#isOverdue()) yield* this.#turns.begin(history, this.#ports.workerId);
    }
    for (const message of messages) this.#inputs.push({ kind: "message", message });
    this.#claimed = null;
  }

  #createTurns(history: Event[]): Turns {
    const turns = new Turns(this.#ports, this.#spec, this.#run, history);
    turns.execution.onTrouble = () => this.#ring();
    return turns;
  }

  /** Takes everything that has happened, one thing at a time. */
  *#takeInputs(): LifeOf<void> {
    const turns = this.#turns!;
    while (!this.#isDropped && !turns.ending && !turns.trouble) {
      const input = this.#inputs.shift();
      if (!input) {
        if (this.#isOverdue() || !(yield* this.#takeDue())) return;
      } else if (input.kind === "inbox") {
        yield this.#readInbox();
      } else if (input.kind === "message") {
        turns.takeMessage(input.message);
      } else {
        yield* turns.takeAttempt(input.operation, input.outcome);
      }
    }
  }

  /** Timers and attempts whose time has come. Answers whether there were any. While draining, nothing begins. */
  *#takeDue(): LifeOf<boolean> {
    const turns = this.#turns!;
    if (this.#isDraining || turns.timed.size === 0) return false;
    const now = this.#ports.storeTime.now();
    const due = [...turns.timed]
      .map((operation) => ({ operation, dueAt: dueTime(operation) ?? Infinity }))
      .filter(({ dueAt }) => dueAt <= now)
      .sort((a, b) => a.dueAt - b.dueAt || a.operation.number - b.operation.number);
    for (const { operation, dueAt } of due) {
      yield* turns.takeDue(operation, dueAt);
      if (this.#isDropped) return false;
    }
    return due.length > 0;
  }

  /** Ends a run whose deadline has passed. */
  #isOverdue(): boolean {
    const error = deadlineError(this.#run, this.#ports.storeTime.now());
    if (error) this.#turns!.fail(error);
    return error !== null;
  }

  #leave(): Leave | null {
    return decideLeave({
      turns: this.#turns!,
      run: this.#run,
      isBusy: this.#attempts.count > 0 || this.#inputs.length > 0,
      isDraining: this.#isDraining,
      isTransient: this.#spec.transient,
      readInboxSeq: this.#readInboxSeq,
      idleMs: this.#idleSince === null ? 0 : this.#ports.clock.monotonic() - this.#idleSince,
      now: this.#ports.storeTime.now(),
    });
  }

  /** What is pending; null when there is nothing to write. */
  #nextWrite(leave: Leave | null): RunWrite | null {
    const turns = this.#turns!;
    const isSilent = leave === null && (turns.pending.length === 0 || this.#spec.transient);
    if (isSilent) {
      turns.committed();
      return null;
    }
    const events = this.#spec.transient
      ? turns.pending.filter(({ type }) => isKeptOfTransient(type))
      : turns.pending;
    return {
      runId: this.runId,
      claim: this.claim,
      nextSeq: this.#nextSeq,
      commitNumber: this.#commitNumber + 1,
      events,
      consumed: turns.consumed,
      progress: turns.hasProgress,
      notBefore: turns.notBefore,
      leave,
      runs: turns.ending?.successor ? [turns.ending.successor] : [],
    };
  }

  /** Answers with the exit when the run is no longer this worker's, and with `unread` when its inbox has moved. */
  #settle(write: RunWrite, answer: WriteAnswer): RunExit | "unread" | null {
    const { leave } = write;
    switch (answer.status) {
      case "accepted":
        this.#advance(write);
        if (!leave) return null;
        // A parked execution stays whole: the same worker may go on with it.
        if (leave.status !== "suspended") this.#drop();
        return exitOf(leave, this.#turns!, this.runId);
      case "kept":
        this.#advance(write);
        return "unread";
      case "stale":
        this.#drop();
        return { kind: answer.mine ? "reload" : "dropped" };
      case "rejected":
        if (answer.reason === "not-due") {
          this.#drop();
          return { kind: "reload" };
        }
        throw new PerdureError("UNSTORABLE_VALUE", answer.message);
    }
  }

  #advance(write: RunWrite): void {
    this.#nextSeq += write.events.length;
    this.#commitNumber++;
    this.#turns!.committed();
  }

  async #readInbox(): Promise<void> {
    const request = { runId: this.runId, claim: this.claim, afterSeq: this.#nextSeq - 1 };
    const loaded = await this.#ports.store.load(request).catch(() => null);
    if (this.#isDropped) return;
    if (loaded === undefined) {
      this.#drop();
      return;
    }
    // A store that could not answer is asked again with the next heartbeat.
    if (loaded === null) return;
    const known = new Set(
      this.#inputs.flatMap((input) => (input.kind === "message" ? [input.message.id] : [])),
    );
    for (const id of this.#turns!.consumed) known.add(id);
    for (const message of loaded.messages) {
      if (!known.has(message.id)) this.#inputs.push({ kind: "message", message });
    }
    this.#readInboxSeq = loaded.run.inboxSeq;
  }

  #startAttempts(): void {
    const turns = this.#turns!;
    if (this.#isDraining) return;
    for (const operation of turns.starting.splice(0)) {
      this.#attempts.begin(operation, turns.stepDeadline(operation));
    }
  }

  /** Waits for an input, or until something is due. */
  *#somethingHappens(): LifeOf<void> {
    const { clock, storeTime } = this.#ports;
    const turns = this.#turns!;
    if (turns.execution.trouble) return;
    // While draining nothing begins: what is due must not wake it up, or it would do nothing else.
    const { wakeAt } = waitOf(this.#isDraining ? [] : turns.timed, this.#run.deadlineAt);
    const isIdle = this.#attempts.count === 0 && turns.timed.size === 0;
    this.#idleSince = isIdle ? (this.#idleSince ?? clock.monotonic()) : null;
    const delayMs = Math.min(
      wakeAt === null ? Infinity : storeTime.until(wakeAt),
      isIdle ? idleLimitMs : Infinity,
    );
    const disarm = delayMs === Infinity ? null : clock.after(delayMs, () => this.#ring());
    yield "event";
    disarm?.();
  }

  #push(input: Input): void {
    this.#inputs.push(input);
    this.#ring();
  }

  #ring(): void {
    this.#life?.wake();
  }

  #drop(): RunExit {
    if (!this.#isDropped) {
      this.#isDropped = true;
      this.#turns?.execution.drop();
      this.#attempts.abort(
        () => new CancelledError(`Run "${this.runId}" has ended, or is no longer this worker's.`),
      );
    }
    return { kind: "dropped" };
  }

  /** Our own bug, or a history that cannot be read: it stops this one run, never the process. */
  *#holdAfter(error: unknown): LifeOf<RunExit> {
    this.#ports.logger.error(
      { runId: this.runId, error },
      "a run is held: its execution met an error of the engine",
    );
    const code = error instanceof PerdureError ? error.code : "INTERNAL_ERROR";
    const held = new HeldError(code, describeThrown(error).replace(`${code}: `, ""));
    let answer: WriteAnswer | undefined;
    try {
      answer = yield {
        runId: this.runId,
        claim: this.claim,
        nextSeq: this.#nextSeq,
        commitNumber: this.#commitNumber + 1,
        events: [],
        consumed: [],
        progress: false,
        notBefore: null,
        leave: holdFor(held, this.#ports.storeTime.now()),
        runs: [],
      };
    } catch {
      // The lease ended first; whoever has the run next will meet the same error.
    }
    this.#drop();
    return answer?.status === "accepted" ? { kind: "held", error: held } : { kind: "dropped" };
  }
}

/** Rows at start and end only. */
function isKeptOfTransient(type: string): boolean {
  return (
    type === "run.completed" ||
    type === "run.failed" ||
    type === "run.cancelled" ||
    type === "message.received"
  );
}
