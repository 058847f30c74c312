/** What is told of a run: its row, readable. */
import { CancelledError, RunFailedError } from "../errors.ts";
import { decodeFailure, errorFromFailure, type Failure } from "../model/failure.ts";
import { decodePayload } from "../model/payload.ts";
import { isEnded, type AttributeValue, type RunRecord, type RunStatus } from "../model/run.ts";
import type { Waiting } from "../model/waiting.ts";
import type { WorkerRecord } from "../store.ts";
import type { RunEnd } from "./run-changes.ts";

/** A run in a list: what is known of it without its history. */
export interface RunInfo {
  id: string;
  workflow: string;
  version: string;
  queue: string;
  status: RunStatus;
  /** What it waits for; null while it runs and when it has ended. */
  waitingFor: Waiting | null;
  priority: number;
  idempotencyKey: string | null;
  attributes: Record<string, AttributeValue>;
  /** The attempt of a whole-run retry; 1 is the first. */
  attempt: number;
  predecessorId: string | null;
  /** The run that took its place. */
  successorId: string | null;
  /** Events in its history. */
  eventCount: number;
  createdAt: Date;
  updatedAt: Date;
  deadlineAt: Date | null;
}

/** What is told of one run that was asked for by its id. */
export interface RunDetails extends RunInfo {
  /** Once it has completed. */
  output?: unknown;
  /** Once it has failed or was cancelled. */
  failure?: Failure;
}

export function describeRun(run: RunRecord, now: number, workers: readonly WorkerRecord[]): RunInfo {
  return {
    id: run.id,
    workflow: run.workflow,
    version: run.version,
    queue: run.queue,
    status: run.status,
    waitingFor: isEnded(run.status) || run.workerId !== null ? null : waitingNow(run, now, workers),
    priority: run.priority,
    idempotencyKey: run.idempotencyKey,
    attributes: run.attributes,
    attempt: run.attempt,
    predecessorId: run.predecessorId,
    successorId: run.successorId,
    eventCount: run.nextSeq - 1,
    createdAt: new Date(run.createdAt),
    updatedAt: new Date(run.updatedAt),
    deadlineAt: run.deadlineAt === null ? null : new Date(run.deadlineAt),
  };
}

/** A run that is due waits for a place, or for a worker that has its code. */
function waitingNow(run: RunRecord, now: number, workers: readonly WorkerRecord[]): Waiting | null {
  const { workflow, version, queue, wakeAt } = run;
  if (run.held || wakeAt === null) return run.waitingFor;
  if (wakeAt > now) return run.waitingFor ?? { kind: "start", dueAt: wakeAt };
  const isServed = workers.some(
    ({ live, lanes }) =>
      live &&
      lanes.some((lane) => lane.workflow === workflow && lane.version === version && lane.queue === queue),
  );
  return isServed ? { kind: "queue", queue } : { kind: "worker", workflow, version, queue };
}

/**
 * The output of a run that has ended.
 *
 * @throws RunFailedError or CancelledError.
 */
export function outputOf(run: { id: string; workflow: string }, end: RunEnd): unknown {
  if (end.status === "completed") return decodePayload(end.payload);
  const thrown = errorFromFailure(decodeFailure(end.payload));
  if (end.status === "failed") throw new RunFailedError(run, thrown);
  throw thrown instanceof CancelledError
    ? thrown
    : new CancelledError(`Run "${run.id}" was cancelled.`, { cause: thrown });
}
