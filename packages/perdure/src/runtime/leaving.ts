/** How the next write leaves a run: parked, held, handed back, ended, or not at all. */
import type { RunRecord } from "../model/run.ts";
import { idleRun, type HeldError } from "../replay/mismatch.ts";
import type { Leave } from "../store.ts";
import type { Turns } from "./turns.ts";
import { waitOf } from "./waiting-for.ts";

/** A held run is tried again after this, and whenever a worker starts. */
const heldRetryMs = 60_000;
/** How long code may rest on nothing before its run is held: long enough for an import. */
export const idleLimitMs = 2_000;

export interface Situation {
  turns: Turns;
  run: RunRecord;
  /** Attempts that run, and inputs that wait. */
  isBusy: boolean;
  isDraining: boolean;
  isTransient: boolean;
  readInboxSeq: number;
  /** How long the code has been resting on nothing. */
  idleMs: number;
  /** Store time. */
  now: number;
}

/** Null when this worker goes on with the run. */
export function decideLeave(situation: Situation): Leave | null {
  const { turns, run, now } = situation;
  const { ending } = turns;
  if (ending) return { status: ending.status, successorId: ending.successor?.id ?? null };
  const trouble = troubleOf(turns);
  if (trouble) return holdFor(trouble, now);
  if (situation.isBusy) return null;
  if (situation.isDraining) {
    turns.handBack();
    return { status: "pending", deadlineAfterMs: null };
  }
  if (turns.starting.length > 0) return null;
  if (turns.timed.size === 0) return situation.idleMs < idleLimitMs ? null : holdFor(idleRun(run.id), now);
  if (situation.isTransient) return null;
  const { wakeAt, waitingFor } = waitOf(turns.timed, run.deadlineAt);
  return { status: "suspended", wakeAt, waitingFor, readInboxSeq: situation.readInboxSeq };
}

export function troubleOf(turns: Turns): HeldError | null {
  return turns.trouble ?? turns.execution.trouble;
}

/** Waits for other code; tried again after a while, and whenever a worker starts. */
export function holdFor({ code, message }: HeldError, now: number): Leave {
  const waitingFor = { kind: "code" as const, code, message, retryAt: now + heldRetryMs };
  return { status: "held", wakeAfterMs: heldRetryMs, waitingFor };
}
