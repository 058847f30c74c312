/**
 * The facts of a run's history: a closed list, and their form in a store.
 *
 * E1. Numbers (`seq`) start at 1 and have no gap. Events are never changed or removed.
 * E2. `at` is store time, chosen by whoever wrote the event: in workflow code it is what `now()` says after its delivery.
 * E3. Stores see an event as a `StoredEvent`, whose `body` and `payload` are opaque text to them.
 */
import { PerdureError } from "../errors.ts";

interface Fact {
  seq: number;
  at: number;
}

/** The first event. `payload` is the input. */
export interface RunCreated extends Fact {
  type: "run.created";
  workflow: string;
  version: string;
  /** The attempt of a whole-run retry; 1 is the first. */
  attempt: number;
  /** The run whose place this one takes. */
  predecessorId?: string;
  /** For `random()` and `uuid()`, where the id is the user's and might be used again. */
  seed?: string;
  transient?: true;
  payload: string;
}

/** Another worker than before, or the same one without its memory, goes on. */
export interface RunResumed extends Fact {
  type: "run.resumed";
  worker: string;
}

export interface StepStarted extends Fact {
  type: "step.started";
  op: number;
  name: string;
  attempt: number;
  /** The arguments, of the first attempt alone; null when there are none. */
  payload: string | null;
}

export interface StepCompleted extends Fact {
  type: "step.completed";
  op: number;
  payload: string;
}

/** `payload` is the failure. With `retryAt` it is an attempt's, without it the step's. */
export interface StepFailed extends Fact {
  type: "step.failed";
  op: number;
  attempt: number;
  retryAt?: number;
  payload: string;
}

/** The attempt was recorded and never began: its worker stopped in between, on purpose. It begins anew elsewhere. */
export interface StepHandedBack extends Fact {
  type: "step.handed-back";
  op: number;
}

/** The workflow ended while this step ran. */
export interface StepAbandoned extends Fact {
  type: "step.abandoned";
  op: number;
}

export interface TimerStarted extends Fact {
  type: "timer.started";
  op: number;
  name: string;
  dueAt: number;
}

export interface TimerFired extends Fact {
  type: "timer.fired";
  op: number;
  dueAt: number;
}

/** A message of the inbox entered the history. */
export interface MessageReceived extends Fact {
  type: "message.received";
  messageId: string;
  kind: string;
  name: string;
  payload: string | null;
}

export interface RunCompleted extends Fact {
  type: "run.completed";
  payload: string;
}

export interface RunFailed extends Fact {
  type: "run.failed";
  /** The run that tries again, under the workflow's own retry policy. */
  successorId?: string;
  payload: string;
}

export interface RunCancelled extends Fact {
  type: "run.cancelled";
  payload: string;
}

/** The events after `to` no longer count: the run goes on from there. */
export interface RunRewound extends Fact {
  type: "run.rewound";
  to: number;
}

export type Event =
  | RunCreated
  | RunResumed
  | StepStarted
  | StepCompleted
  | StepFailed
  | StepHandedBack
  | StepAbandoned
  | TimerStarted
  | TimerFired
  | MessageReceived
  | RunCompleted
  | RunFailed
  | RunCancelled
  | RunRewound;

/** The kinds of facts that a history is made of. */
export type EventType = Event["type"];

/** An event whose place in the history is not known yet. */
export type NewEvent = Event extends infer E ? (E extends Event ? Omit<E, "seq"> : never) : never;

/** An event as stores keep it. */
export interface StoredEvent {
  seq: number;
  type: string;
  at: number;
  op: number | null;
  name: string | null;
  /** The small fields, as JSON; null when there are none. */
  body: string | null;
  payload: string | null;
}

/** Which fields go into the body. A type that is not here is not written by this version. */
const bodyFields: Record<EventType, readonly string[]> = {
  "run.created": ["version", "attempt", "predecessorId", "seed", "transient"],
  "run.resumed": ["worker"],
  "step.started": ["attempt"],
  "step.completed": [],
  "step.failed": ["attempt", "retryAt"],
  "step.handed-back": [],
  "step.abandoned": [],
  "timer.started": ["dueAt"],
  "timer.fired": ["dueAt"],
  "message.received": ["messageId", "kind"],
  "run.completed": [],
  "run.failed": ["successorId"],
  "run.cancelled": [],
  "run.rewound": ["to"],
};

/** Values that most events have are not written. */
const bodyDefaults: Record<string, unknown> = { attempt: 1 };

export function encodeEvent(event: NewEvent, seq: number): StoredEvent {
  const fields = event as unknown as Record<string, unknown>;
  let body: string | null = null;
  for (const field of bodyFields[event.type]) {
    const value = fields[field];
    if (value === undefined || value === bodyDefaults[field]) continue;
    body = `${body === null ? "{" : `${body},`}"${field}":${JSON.stringify(value)}`;
  }
  return {
    seq,
    type: event.type,
    at: event.at,
    op: "op" in event ? event.op : null,
    name: "name" in event ? event.name : event.type === "run.created" ? event.workflow : null,
    body: body === null ? null : `${body}}`,
    payload: "payload" in event ? event.payload : null,
  };
}

/**
 * @throws PerdureError `HISTORY_TOO_NEW` for a type that this version does not know, `HISTORY_UNREADABLE` for a row that
 *   nobody wrote so.
 */
export function decodeEvent(stored: StoredEvent): Event {
  if (!Object.hasOwn(bodyFields, stored.type)) {
    throw new PerdureError(
      "HISTORY_TOO_NEW",
      `Event ${stored.seq} has the type "${stored.type}", which this version of perdure does not know. ` +
        `A newer worker wrote it: update this one.`,
    );
  }
  const event: Record<string, unknown> = { seq: stored.seq, type: stored.type, at: stored.at };
  if (stored.body !== null) Object.assign(event, parseBody(stored));
  if (stored.op !== null) event["op"] = stored.op;
  if (stored.type === "run.created") event["workflow"] = stored.name;
  else if (stored.name !== null) event["name"] = stored.name;
  if (event["attempt"] === undefined && bodyFields[stored.type as EventType].includes("attempt"))
    event["attempt"] = 1;
  event["payload"] = stored.payload;
  return event as unknown as Event;
}

function parseBody(stored: StoredEvent): object {
  try {
    const body: unknown = JSON.parse(stored.body!);
    if (typeof body === "object" && body !== null) return body;
  } catch {
    // said below
  }
  throw new PerdureError(
    "HISTORY_UNREADABLE",
    `Event ${stored.seq} (${stored.type}) could not be read: its body is no JSON object. The store was changed outside ` +
      `of Perdure, or is damaged: restore it from a backup.`,
  );
}

/** Whether an event hands something to workflow code. The others only say what it asked for. */
export function isDelivery(event: Event | NewEvent): boolean {
  switch (event.type) {
    case "step.completed":
    case "timer.fired":
    case "message.received":
      return true;
    case "step.failed":
      return event.retryAt === undefined;
    default:
      return false;
  }
}

export function isRunEnd(type: string): boolean {
  return type === "run.completed" || type === "run.failed" || type === "run.cancelled";
}
