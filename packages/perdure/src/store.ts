/**
 * The port to where runs, histories and inboxes are kept: the only truth, and the only clock.
 *
 * S1. Every method is atomic: all of it has happened, or nothing. A method that rejects may have happened or not, and may be
 *     called again: create is recognized by its ids, deliver by its message ids, a commit by its claim and number.
 * S2. Every time in a row comes from the store's clock, in whole milliseconds rounded down, and every answer says what time it is
 *     there. `updatedAt` is the last change of the row. When the clock steps back, timers are late and none is lost.
 * S3. A run is owned while its `workerId` is not null. The owner's fence is the claim, the next sequence number and the number
 *     of the commit, each compared for equality (rule 3).
 * S4. A run that has not ended is owned, or has a `wakeAt`, or waits for its inbox (rule 2). While it is owned, and once it has
 *     ended, `wakeAt` is null.
 * S5. Trouble is a `PerdureError` with a code that begins with `STORE_`, and spends no attempt of anybody. Besides it only
 *     `ALREADY_CLOSED` and `INVALID_CURSOR` reject.
 * S6. A worker is live while it is not marked dead and `leaseUntil` is after now. A run that is due has `wakeAt` at or before now.
 * S7. A freed run is due since it was created (or now, should the clock say that this is earlier): it goes before what came after it.
 *     It is `pending` when it has its first event alone and else `suspended`, and keeps its last `claim`.
 * S8. Ids, keys and names are compared as exact text, and where they order something, by code unit. What is handed in is copied.
 *
 * `perdure/testing` has the conformance suite that proves an implementation.
 */
import type { NewEvent, StoredEvent } from "./model/event.ts";
import type { NewMessage, StoredMessage } from "./model/message.ts";
import type { Page } from "./model/page.ts";
import type { AttributeValue, EndedStatus, Lane, RunKind, RunRecord, RunStatus } from "./model/run.ts";
import type { Waiting } from "./model/waiting.ts";

/** Where runs, histories and inboxes are kept. Each method is atomic; the header of this file has the rules that all obey. */
export interface Store {
  /** What it is, for logs: `sqlite:./orders.db`. No secrets. */
  readonly description: string;

  /**
   * Opens the store, and brings its schema up to date under a lock; ten processes at once do it once.
   * Called before any other method; a repeat does nothing.
   *
   * @throws PerdureError `STORE_TOO_NEW`, `STORE_CORRUPT`, `STORE_LOCKED`, `STORE_NOT_WRITABLE`.
   */
  open(): Promise<void>;
  /** Gives everything back. A repeat does nothing; any other call after it rejects with `ALREADY_CLOSED`. */
  close(): Promise<void>;

  /**
   * Writes new runs, each with its first event. A run whose key or id exists is not written, and its answer has the run
   * that is there, found by its key before its id; the runs of one call are written in order. A key is unique among the runs of its
   * workflow and stays taken when its run ends. `replaces` links the new run behind one that has ended. A new run waits for nothing
   * (`waitingFor` null), though it may be due later.
   *
   * With `adoption`, the first of them that are new, due at once and in its lanes are claimed in the same transaction, as `claim` would,
   * up to its limit: a start that finds a free place in its own process needs no second transaction. A worker that is not live
   * gets none.
   */
  create(runs: readonly NewRun[], adoption?: Adoption): Promise<CreateAnswer[]>;

  /**
   * Puts messages into inboxes: raises `inboxSeq`, and makes the run due unless it is owned, held or ended, in the same
   * transaction (rule 4): its `wakeAt` becomes now, if it was not earlier. A pending run keeps the time at which it begins. `repeated`: the run has a message of this id, though
   * it may have ended since. `ended`, `missing`: dropped.
   */
  deliver(messages: readonly NewMessage[]): Promise<DeliverAnswer[]>;

  /** A new worker. Its lease begins now. An id is never used again: a repeat while it is known changes nothing. */
  register(worker: NewWorker): Promise<{ now: number }>;

  /**
   * Extends a lease by its length. A worker that is marked dead, gone or expired is told so and may do nothing more under its
   * id. `strange` are claims that the store has for this worker beyond `claims`; `unread` are those of `claims` that are current and
   * have messages after the one named as read.
   */
  renew(request: RenewRequest): Promise<RenewAnswer>;

  /**
   * The worker's end: frees all that it still owns without counting a crash, then forgets it. A worker that is gone is no error.
   */
  unregister(workerId: string): Promise<void>;

  /**
   * Gives runs to a worker: those that are due in its lanes, higher priority first, then the longer due, then by id, each under a
   * new claim, with the events that the caller does not hold hot and the messages not consumed. The row becomes `running`, not
   * held, waiting for nothing, at `commitNumber` 0; the claim counts in `crashCount`. A lane named twice is one lane.
   * A worker that is not live gets nothing and `live: false`. No sweep happens here.
   */
  claim(request: ClaimRequest): Promise<ClaimAnswer>;

  /**
   * Reads one owned run again; undefined when the claim is no longer current. `previousClaim` is null here, `hot` tells
   * whether `afterSeq` is above 0.
   */
  load(request: { runId: string; claim: string; afterSeq: number }): Promise<ClaimedRun | undefined>;

  /** Hands runs back, due at once, and takes the claim's crash off again. Claims that are not current are passed over. */
  release(claims: readonly OwnedClaim[]): Promise<void>;

  /**
   * The one way in which a run's owner writes. Each write is accepted or refused for itself, and acts as if the writes ran in
   * order (rule 6). At most one write of a run may be in a call.
   */
  commit(writes: readonly RunWrite[]): Promise<CommitAnswer>;

  /**
   * Frees runs of workers whose lease has expired: marks such a worker dead and checks its expiry in one transaction, frees up to
   * `limit` runs by order of worker and run, forgets the worker when it owns nothing more. Repeated calls finish what one has
   * begun. `workers` are all that this call found dead or marked so, by id; `more` when one of them still owns something.
   */
  expire(limit: number): Promise<{ now: number; workers: string[]; freed: number; more: boolean }>;

  /** Makes held runs of these lanes due now, and held no longer: their code may have been mended. Answers how many were held. */
  unhold(lanes: readonly Lane[]): Promise<number>;

  /** The run, or undefined. `payload` is its output or failure once it has ended. */
  run(id: string): Promise<RunSnapshot | undefined>;
  /** The snapshots of those that exist, in no order. For many waiters at once. */
  snapshots(ids: readonly string[]): Promise<RunSnapshot[]>;
  /** Newest first, by creation and then id. */
  runs(query: RunQuery): Promise<Page<RunRecord>>;
  /** How many runs a filter finds, by status; a status without runs is left out. */
  count(filter: RunFilter): Promise<Partial<Record<RunStatus, number>>>;
  /** Events after `afterSeq`, in order, at most `limit`. */
  history(request: { runId: string; afterSeq: number; limit: number }): Promise<StoredEvent[]>;
  /** Workers that have not been forgotten. */
  workers(): Promise<WorkerRecord[]>;
  /** Proves that the store answers. */
  health(): Promise<StoreHealth>;

  /**
   * A store that can hear of other processes' writes at once calls back on them. A hint like any other: it may be lost.
   * Returns what ends it.
   */
  watch?(onChange: () => void): () => void;
}

export interface NewRun extends Lane {
  id: string;
  kind: RunKind;
  priority: number;
  /** Due then, or that long after now; neither is at once. `startAt` goes before `startAfterMs`, and may have passed. */
  startAt: number | null;
  startAfterMs: number | null;
  deadlineAt: number | null;
  /** Counted from when it is due; `deadlineAt` goes before it. */
  deadlineAfterMs: number | null;
  idempotencyKey: string | null;
  inputHash: string | null;
  attempt: number;
  predecessorId: string | null;
  /** The run behind which this one is linked, as its successor. It must have ended and have none. */
  replaces: string | null;
  attributes: Record<string, AttributeValue>;
  /** The first event; the store gives it `seq` 1 and the time. */
  created: { body: string | null; payload: string };
}

/** A worker with free places, for runs that are about to be created. */
export interface Adoption {
  workerId: string;
  lanes: readonly Lane[];
  limit: number;
  /** Random, new for each call: run number i of the call gets the claim `${claim}.${i}`. */
  claim: string;
}

export type CreateAnswer =
  /** `claimed` is there when the run was adopted. */
  | { status: "created"; id: string; now: number; claimed?: ClaimedRun }
  /** By which of the two it was recognized, and what it is. */
  | {
      status: "exists";
      by: "key" | "id";
      id: string;
      workflow: string;
      inputHash: string | null;
      now: number;
    }
  /** `replaces` names a run that is missing, has not ended, or has a successor already. `id` is that of the run not written. */
  | { status: "conflict"; id: string; now: number };

export type DeliverAnswer = "delivered" | "repeated" | "ended" | "missing";

export interface NewWorker {
  id: string;
  leaseMs: number;
  host: string;
  pid: number;
  version: string;
  lanes: readonly Lane[];
  concurrency: number;
}

/** A worker as the store knows it. */
export interface WorkerRecord extends NewWorker {
  startedAt: number;
  leaseUntil: number;
  live: boolean;
  /** Runs that it owns. */
  owned: number;
}

export interface OwnedClaim {
  runId: string;
  claim: string;
}

export interface RenewRequest {
  workerId: string;
  /** What the worker holds or has asked for, with the number of the last message that it has read. */
  claims: readonly (OwnedClaim & { readInboxSeq: number })[];
  /** What the worker serves, when that has changed since it registered. */
  lanes?: readonly Lane[];
}

export type RenewAnswer =
  | { live: true; now: number; leaseUntil: number; strange: OwnedClaim[]; unread: string[] }
  | { live: false; now: number };

export interface ClaimRequest {
  workerId: string;
  lanes: readonly Lane[];
  limit: number;
  /** Random, new for each call: run number i of the answer gets the claim `${claim}.${i}`. */
  claim: string;
  /** Parked executions that the caller still has in memory: the claim under which, and the `seq` up to which. */
  hot: ReadonlyMap<string, { claim: string; seq: number }>;
}

export interface ClaimAnswer {
  live: boolean;
  now: number;
  runs: ClaimedRun[];
  /** When the next run of these lanes becomes due; null when none waits for a time. Only told when the limit was not reached. */
  nextDueAt: number | null;
}

export interface ClaimedRun {
  /** The row after the claim. */
  run: RunRecord;
  /** The claim before this one. */
  previousClaim: string | null;
  /** The caller's hot execution is the run's newest state: its claim is the previous one and its `seq` the last. `events` is empty. */
  hot: boolean;
  events: StoredEvent[];
  /** Not consumed, in order. */
  messages: StoredMessage[];
  now: number;
}

/** One run's part of a commit. */
export interface RunWrite {
  runId: string;
  /**
   * The owner's claim; or null for a run that nobody owns (parked, pending, held or ended), which the write then takes and gives back
   * in one: terminate and retry need no worker. It keeps the last `claim` and `commitNumber`, and changes a run that has ended only
   * by a `run.rewound` that leaves `pending`; whatever else does not fit is `stale`.
   */
  claim: string | null;
  nextSeq: number;
  /**
   * Which write under this claim it is, from 1. A repeat of the last one (same claim, number and events) gets its first answer, also after
   * it left the run; but `stale` when it did not and the claim has been freed since. Zero when unowned.
   */
  commitNumber: number;
  events: readonly NewEvent[];
  /** Messages that entered the history: they stay known by their id, and are not read again. */
  consumed: readonly string[];
  /** Whether an outcome was recorded: the crash budget starts anew. It also does with any `leave`, kept or not. */
  progress: boolean;
  /** The write is refused before this time (rule: timers are never early); null for none. */
  notBefore: number | null;
  /** How the run is left; null while its owner goes on. */
  leave: Leave | null;
  /** Runs created by this one, as `create` does, after its own row is written. One that exists or conflicts is passed over. */
  runs: readonly NewRun[];
}

export type Leave =
  /**
   * Waits for a time or its inbox. Refused as `kept`, events and all else written, when a message later than `readInboxSeq` is there.
   */
  | { status: "suspended"; wakeAt: number | null; waitingFor: Waiting | null; readInboxSeq: number }
  /** Waits for other code. Messages do not make it due, `wakeAt` does. */
  | { status: "held"; wakeAfterMs: number; waitingFor: Waiting }
  /** Goes on at once, with whoever claims it. `deadlineAfterMs` renews the deadline, null leaves it. */
  | { status: "pending"; deadlineAfterMs: number | null }
  | { status: EndedStatus; successorId: string | null };

export type WriteAnswer =
  | { status: "accepted" }
  /** Written, and still owned, because the inbox has moved. */
  | { status: "kept" }
  /** Nothing written. `mine`: the claim is current all the same: load and go on. */
  | { status: "stale"; mine: boolean }
  /** Nothing written, and still owned. `not-due`: a timer's time has not come; `value`: the store cannot take a value. */
  | { status: "rejected"; reason: "not-due" | "value"; message: string };

export interface CommitAnswer {
  now: number;
  answers: WriteAnswer[];
}

export interface RunSnapshot {
  run: RunRecord;
  /** Of the last event, when the run has ended. */
  payload: string | null;
  now: number;
}

export interface RunFilter {
  workflow?: string;
  version?: string;
  queue?: string;
  kind?: RunKind;
  /** One of these; an empty list finds nothing. */
  status?: readonly RunStatus[];
  idempotencyKey?: string;
  /** Both bounds exclude their own millisecond. */
  createdAfter?: number;
  createdBefore?: number;
  /** All of them, each equal, and of the same type. */
  attributes?: Record<string, AttributeValue>;
}

export interface RunQuery extends RunFilter {
  limit: number;
  cursor?: string;
}

/** That a store answers, and what its commits survive. */
export interface StoreHealth {
  now: number;
  /** What survives: `power` a power cut, `process` the death of a process, `none` neither. */
  durability: "power" | "process" | "none";
  schemaVersion: number;
}
