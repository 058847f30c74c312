/** A run as the store sees it: what is known of it without reading its history. */
import type { Waiting } from "./waiting.ts";

export const runStatuses = [
  "pending",
  "running",
  "suspended",
  "completed",
  "failed",
  "cancelled",
  "continued",
] as const;
/** Where a run is in its life: on its way (the first three), or ended (the others). */
export type RunStatus = (typeof runStatuses)[number];

export type RunKind = "workflow" | "step";

export type EndedStatus = "completed" | "failed" | "cancelled" | "continued";

export function isEnded(status: RunStatus): status is EndedStatus {
  return status === "completed" || status === "failed" || status === "cancelled" || status === "continued";
}

/** Values that lists can be searched by. */
export type AttributeValue = string | number | boolean;

/** Which work a run is: a worker claims only what it has code for. */
export interface Lane {
  queue: string;
  workflow: string;
  version: string;
}

export const defaultQueue = "default";

/** One row of a store. The fence of its owner is `claim` and `nextSeq` and `commitNumber` (rule 3). */
export interface RunRecord extends Lane {
  id: string;
  kind: RunKind;
  status: RunStatus;
  /** Higher goes first. */
  priority: number;
  /** The last claim. It is somebody's while `workerId` is not null. */
  claim: string | null;
  workerId: string | null;
  /** When the run is due; null while it is owned, has ended, or waits for its inbox alone. */
  wakeAt: number | null;
  /** Set while the run waits for other code: messages do not make it due. */
  held: boolean;
  waitingFor: Waiting | null;
  nextSeq: number;
  /** Writes accepted under the present claim. */
  commitNumber: number;
  /** Messages delivered so far. */
  inboxSeq: number;
  /** Claims since the last recorded outcome. */
  crashCount: number;
  createdAt: number;
  updatedAt: number;
  deadlineAt: number | null;
  idempotencyKey: string | null;
  inputHash: string | null;
  /** The attempt of a whole-run retry; 1 is the first. */
  attempt: number;
  predecessorId: string | null;
  successorId: string | null;
  attributes: Record<string, AttributeValue>;
}
