/** What a case is played on: a fresh store, and short words for what cases do with it all the time. */
import assert from "node:assert/strict";
import type { NewEvent } from "../../model/event.ts";
import type { NewMessage } from "../../model/message.ts";
import type { Lane, RunRecord } from "../../model/run.ts";
import type {
  ClaimAnswer,
  ClaimRequest,
  ClaimedRun,
  Leave,
  NewRun,
  NewWorker,
  RunWrite,
  Store,
  WriteAnswer,
} from "../../store.ts";

/** The implementation under test. */
export interface StoreSubject {
  name: string;
  /** A fresh, empty store that shares nothing with another. The suite calls its `open`. */
  open: () => Promise<Store>;
  /** A second, independent store object over the same data: another process. The suite calls its `open`. */
  reopen?: (store: Store) => Promise<Store>;
  /** Moves the clock of all stores that were opened; backwards when negative. */
  advance?: (ms: number) => void | Promise<void>;
}

export interface SceneCase {
  name: string;
  needs?: "reopen" | "advance";
  check(scene: StoreScene): Promise<void>;
}

export const lane: Lane = { queue: "default", workflow: "order", version: "1" };
/** Longer than any case takes on a real clock. */
export const leaseMs = 600_000;

export class StoreScene {
  readonly store: Store;
  readonly #subject: StoreSubject;
  readonly #opened: Store[];
  #claimCount = 0;

  private constructor(subject: StoreSubject, store: Store) {
    this.#subject = subject;
    this.store = store;
    this.#opened = [store];
  }

  static async open(subject: StoreSubject): Promise<StoreScene> {
    const store = await subject.open();
    const scene = new StoreScene(subject, store);
    await store.open();
    return scene;
  }

  async close(): Promise<void> {
    for (const store of this.#opened) await store.close();
  }

  /** Another process's view of the same data where the subject has one; else the store itself. */
  async second(): Promise<Store> {
    if (!this.#subject.reopen) return this.store;
    const store = await this.reopenUnopened();
    await store.open();
    return store;
  }

  async reopenUnopened(): Promise<Store> {
    assert.ok(this.#subject.reopen);
    const store = await this.#subject.reopen(this.store);
    this.#opened.push(store);
    return store;
  }

  async advance(ms: number): Promise<void> {
    assert.ok(this.#subject.advance);
    await this.#subject.advance(ms);
  }

  async now(): Promise<number> {
    return (await this.store.health()).now;
  }

  /** Writes one run that must be new. */
  async create(id: string, overrides: Partial<NewRun> = {}): Promise<void> {
    const [answer] = await this.store.create([newRun(id, overrides)]);
    assert.equal(answer?.status, "created");
  }

  async register(id = "w1", overrides: Partial<NewWorker> = {}): Promise<void> {
    await this.store.register(newWorker(id, overrides));
  }

  async claim(overrides: Partial<ClaimRequest> = {}, store = this.store): Promise<ClaimAnswer> {
    return store.claim({
      workerId: "w1",
      lanes: [lane],
      limit: 100,
      claim: `c${++this.#claimCount}`,
      hot: new Map(),
      ...overrides,
    });
  }

  /** Claims the one run that is due, which must be this one. */
  async take(runId = "r1", overrides: Partial<ClaimRequest> = {}): Promise<ClaimedRun> {
    const { live, runs } = await this.claim(overrides);
    assert.equal(live, true);
    assert.deepEqual(
      runs.map(({ run }) => run.id),
      [runId],
    );
    return runs[0]!;
  }

  /** A registered worker `w1` that owns the new run `r1`. */
  async owned(overrides: Partial<NewRun> = {}): Promise<ClaimedRun> {
    await this.register();
    await this.create("r1", overrides);
    return this.take();
  }

  async commit(write: RunWrite): Promise<WriteAnswer> {
    const { answers } = await this.store.commit([write]);
    assert.equal(answers.length, 1);
    return answers[0]!;
  }

  /** Writes what must be accepted. */
  async accept(write: RunWrite): Promise<void> {
    assert.deepEqual(await this.commit(write), { status: "accepted" });
  }

  async record(id = "r1"): Promise<RunRecord> {
    const snapshot = await this.store.run(id);
    assert.ok(snapshot, `run ${id} exists`);
    return snapshot.run;
  }

  /** Types of the events of a run, after its numbers were found to have no gap. */
  async historyTypes(runId = "r1"): Promise<string[]> {
    const events = await this.store.history({ runId, afterSeq: 0, limit: 100_000 });
    assert.deepEqual(
      events.map(({ seq }) => seq),
      events.map((_, index) => index + 1),
    );
    return events.map(({ type }) => type);
  }
}

export function newRun(id: string, overrides: Partial<NewRun> = {}): NewRun {
  return {
    ...lane,
    id,
    kind: "workflow",
    priority: 0,
    startAt: null,
    startAfterMs: null,
    deadlineAt: null,
    deadlineAfterMs: null,
    idempotencyKey: null,
    inputHash: null,
    attempt: 1,
    predecessorId: null,
    replaces: null,
    attributes: {},
    created: { body: null, payload: "null" },
    ...overrides,
  };
}

export function newWorker(id: string, overrides: Partial<NewWorker> = {}): NewWorker {
  return {
    id,
    leaseMs,
    host: "here",
    pid: 7,
    version: "1.0.0",
    lanes: [lane],
    concurrency: 10,
    ...overrides,
  };
}

export function newMessage(runId: string, id: string, overrides: Partial<NewMessage> = {}): NewMessage {
  return { runId, id, kind: "terminate", name: "", payload: null, ...overrides };
}

/** The owner's next write after this claim: nothing yet, and going on. */
export function writeOf({ run }: Pick<ClaimedRun, "run">, overrides: Partial<RunWrite> = {}): RunWrite {
  return {
    runId: run.id,
    claim: run.claim,
    nextSeq: run.nextSeq,
    commitNumber: run.commitNumber + 1,
    events: [],
    consumed: [],
    progress: false,
    notBefore: null,
    leave: null,
    runs: [],
    ...overrides,
  };
}

/** A write to a run that nobody owns. */
export function unownedWriteOf(run: RunRecord, overrides: Partial<RunWrite> = {}): RunWrite {
  return writeOf({ run }, { claim: null, commitNumber: 0, ...overrides });
}

export function stepStarted(op = 0): NewEvent {
  return { type: "step.started", at: 5, op, name: "charge", attempt: 1, payload: "[1]" };
}

export function stepCompleted(op = 0, payload = '"done"'): NewEvent {
  return { type: "step.completed", at: 6, op, payload };
}

export const runCompleted: NewEvent = { type: "run.completed", at: 7, payload: '"out"' };
export const runCancelled: NewEvent = { type: "run.cancelled", at: 7, payload: '"stop"' };

export function parked(overrides: Partial<Extract<Leave, { status: "suspended" }>> = {}): Leave {
  return { status: "suspended", wakeAt: null, waitingFor: null, readInboxSeq: 0, ...overrides };
}

export const completed: Leave = { status: "completed", successorId: null };

export const heldForCode: Leave = {
  status: "held",
  wakeAfterMs: leaseMs,
  waitingFor: { kind: "code", code: "HISTORY_MISMATCH", message: "does not fit", retryAt: 1 },
};
