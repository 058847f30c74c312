/** A run as the checkers follow it: who has it, and what was accepted of its owners. */
import type { NewEvent } from "../../../model/event.ts";
import type { StoreCall } from "../recording.ts";

export interface ModelRun {
  id: string;
  workerId: string | null;
  claim: string | null;
  commitNumber: number;
  nextSeq: number;
  isEnded: boolean;
  claims: string[];
  /** What was accepted, with the call that brought it. */
  events: { event: NewEvent; call: StoreCall; claim: string | null }[];
  /** Claims whose runs were given back without a crash, and reloads. */
  reloads: number;
  delivered: Set<string>;
  /** Claims since the last recorded outcome that nobody gave back. */
  crashCount: number;
}

export function createModelRun(id: string): ModelRun {
  return {
    id,
    workerId: null,
    claim: null,
    commitNumber: 0,
    nextSeq: 2,
    isEnded: false,
    claims: [],
    events: [],
    reloads: 0,
    delivered: new Set(),
    crashCount: 0,
  };
}

/** Without a crash. */
export function giveBack(run: ModelRun): void {
  run.workerId = null;
  run.crashCount = Math.max(0, run.crashCount - 1);
}
