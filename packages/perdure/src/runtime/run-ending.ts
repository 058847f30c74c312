/** How a run ends: the event, the status, and the run that may take its place. */
import { CancelledError, FatalError, PerdureError, describeThrown } from "../errors.ts";
import type { NewEvent } from "../model/event.ts";
import { encodeFailure } from "../model/failure.ts";
import { encodePayload } from "../model/payload.ts";
import { retryDelayMs } from "../model/retry.ts";
import type { EndedStatus, RunRecord } from "../model/run.ts";
import type { ClaimedRun, NewRun } from "../store.ts";
import type { WorkflowSpec } from "../workflow/workflow-spec.ts";
import { createNewRun } from "./new-run.ts";

export interface Ending {
  status: Exclude<EndedStatus, "continued">;
  event: Extract<NewEvent, { type: "run.completed" | "run.failed" | "run.cancelled" }>;
  successor: NewRun | null;
}

/** @throws PerdureError when the output cannot be stored. */
export function endReturned(spec: WorkflowSpec, value: unknown, at: number): Ending {
  const payload = encodePayload(value, `The output of workflow "${spec.name}"`, spec.limits);
  return { status: "completed", event: { type: "run.completed", at, payload }, successor: null };
}

/** The run has failed. Its workflow's own retry policy may have another one take its place. */
export function endFailed(options: {
  spec: WorkflowSpec;
  run: RunRecord;
  error: unknown;
  at: number;
  /** The input, encoded, for the one that tries again. */
  input: string;
  createId: () => string;
  random: number;
}): Ending {
  const { spec, run, error, at } = options;
  const successor = wantsSuccessor(spec, run, error)
    ? createNewRun(spec, {
        id: options.createId(),
        input: options.input,
        priority: run.priority,
        startAfterMs: retryDelayMs(spec.retry!, run.attempt, options.random),
        attempt: run.attempt + 1,
        predecessorId: run.id,
        attributes: run.attributes,
      })
    : null;
  return {
    status: "failed",
    event: {
      type: "run.failed",
      at,
      ...(successor && { successorId: successor.id }),
      payload: encodeFailure(error),
    },
    successor,
  };
}

export function endTerminated(at: number, reason: string): Ending {
  const error = new CancelledError(reason, { code: "TERMINATED" });
  return {
    status: "cancelled",
    event: { type: "run.cancelled", at, payload: encodeFailure(error) },
    successor: null,
  };
}

/** Why a run must end before its code is called; null when it need not. */
export function lostError(spec: WorkflowSpec, claimed: ClaimedRun, crashLimit: number): PerdureError | null {
  const { run, previousClaim } = claimed;
  if (spec.transient && previousClaim !== null) {
    return new PerdureError(
      "TRANSIENT_LOST",
      `Run "${run.id}" is transient, and the worker that had it is gone. Start it again, or take the option transient ` +
        `away from workflow "${run.workflow}".`,
    );
  }
  if (run.crashCount > crashLimit) {
    return new PerdureError(
      "CRASH_LIMIT",
      `Run "${run.id}" was claimed ${run.crashCount} times without an outcome being recorded: its workers died, or lost ` +
        `their lease. Look for what ends the process or blocks its event loop, then retry the run.`,
    );
  }
  return null;
}

/** A run past its deadline; null while it has time. */
export function deadlineError({ id, workflow, deadlineAt }: RunRecord, now: number): PerdureError | null {
  if (deadlineAt === null || now < deadlineAt) return null;
  return new PerdureError(
    "DEADLINE_EXCEEDED",
    `Run "${id}" of workflow "${workflow}" did not end before its deadline, ${new Date(deadlineAt).toISOString()}.`,
  );
}

/** A run that returned, and left a failure behind that nobody looked at. */
export function unhandledError({ id }: RunRecord, reason: unknown): PerdureError {
  return new PerdureError(
    "UNHANDLED_REJECTION",
    `Run "${id}" returned while a promise that it made was rejected and never awaited: ${describeThrown(reason)}`,
    { cause: reason },
  );
}

function wantsSuccessor({ retry }: WorkflowSpec, run: RunRecord, error: unknown): boolean {
  if (!retry || run.attempt >= retry.maxAttempts || error instanceof FatalError) return false;
  // The deadline speaks of the whole run; another attempt of it would begin a new one.
  if (error instanceof PerdureError && error.code === "DEADLINE_EXCEEDED") return false;
  try {
    return retry.retryIf?.(error) ?? true;
  } catch {
    return true;
  }
}
