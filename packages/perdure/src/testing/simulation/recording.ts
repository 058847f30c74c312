/**
 * What was seen of one world. Checkers read nothing else.
 *
 * Every entry has a `tick`: the one order in which everything happened. Of the engine only the events' and the store's vocabulary
 * is used here.
 */
import type { StoredEvent } from "../../model/event.ts";
import type { RunRecord } from "../../model/run.ts";
import type { Store, WorkerRecord } from "../../store.ts";
import type { Program } from "./programs.ts";

/** The calls that the simulated network carries. */
export type StoreMethod = Exclude<keyof Store, "description" | "watch" | "open" | "close">;

interface CallOf<M extends StoreMethod> {
  tick: number;
  /** Simulated time when it was sent, and when the store carried it out. */
  sentAt: number;
  at: number;
  /** The store's clock when it was carried out. */
  storeAt: number;
  /** The process that sent it. */
  process: string;
  method: M;
  request: Parameters<NonNullable<Store[M]>>[0];
  /** The second argument, where there is one. */
  more: Parameters<NonNullable<Store[M]>>[1];
  answer: Awaited<ReturnType<NonNullable<Store[M]>>>;
}

/** A call that the store carried out, as the store saw and answered it. */
export type StoreCall = { [M in StoreMethod]: CallOf<M> }[StoreMethod];

/** A line that the function of a step wrote on its own account. */
export interface Effect {
  tick: number;
  at: number;
  kind: "begin" | "end" | "aborted";
  process: string;
  runId: string;
  /** The number in the idempotency key. */
  op: number;
  step: string;
  attempt: number;
  key: string;
  /** Of an end: how. */
  outcome?: "ok" | "failed";
  isOnce: boolean;
  isTransient: boolean;
  maxAttempts: number;
}

/** One thing that a client asked for, and how it went. */
export interface ClientCall {
  tick: number;
  /** Null while it is under way, and for good when its process was killed. */
  endTick: number | null;
  endAt: number | null;
  client: string;
  process: string;
  kind: "start" | "result" | "terminate" | "retry" | "status";
  program: string;
  /** Of a start: its key or id, and whether the input was another one on purpose. */
  key: string | null;
  isConflicting: boolean;
  runId: string | null;
  outcome: ClientOutcome | null;
}

export type ClientOutcome =
  | { status: "ok"; value: unknown }
  /** What is known is that nothing is known. */
  | { status: "unknown"; code: string }
  | { status: "failed"; name: string; code: string; message: string };

/** A killing, a pause, a step of a clock, an outage. */
export interface Disturbance {
  tick: number;
  at: number;
  untilAt: number;
  kind: "kill" | "pause" | "outage" | "store-clock" | "worker-clock" | "call" | "stop";
  process: string | null;
  /** Of clocks: by how much. */
  byMs?: number;
}

/** The whole store at one moment. */
export interface Dump {
  tick: number;
  at: number;
  storeAt: number;
  isHealed: boolean;
  runs: RunRecord[];
  histories: ReadonlyMap<string, StoredEvent[]>;
  workers: WorkerRecord[];
}

/** Log lines at the level `error`, and what else must not happen. */
export interface Alarm {
  tick: number;
  process: string;
  text: string;
}

export interface Recording {
  seed: number;
  leaseMs: number;
  crashLimit: number;
  healedAt: number;
  /** Simulated time within which everything must have ended after the faults ended. */
  patienceMs: number;
  isStuck: boolean;
  /** Whether all clients came to the end of what they wanted. */
  areClientsDone: boolean;
  programs: Program[];
  calls: StoreCall[];
  effects: Effect[];
  clientCalls: ClientCall[];
  disturbances: Disturbance[];
  dumps: Dump[];
  alarms: Alarm[];
  /** A program's runs in the order in which their code ran. */
  runsOfProgram: ReadonlyMap<string, string[]>;
  endedAt: number;
  steps: number;
}
