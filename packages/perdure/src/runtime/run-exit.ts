/** How a worker's time with a run came to its end. */
import { idleRun, type HeldError } from "../replay/mismatch.ts";
import type { Leave } from "../store.ts";
import { troubleOf } from "./leaving.ts";
import type { Ending } from "./run-ending.ts";
import type { Turns } from "./turns.ts";

export type RunExit =
  | { kind: "parked"; wakeAt: number | null }
  | { kind: "ended"; status: Ending["status"]; payload: string; successorId: string | null }
  | { kind: "held"; error: HeldError }
  | { kind: "released" }
  /** The claim is still ours, and memory no longer fits the store: load it and begin anew. */
  | { kind: "reload" }
  | { kind: "dropped" };

/** What an accepted leave means for whoever had the run. */
export function exitOf(leave: Leave, turns: Turns, runId: string): RunExit {
  switch (leave.status) {
    case "suspended":
      return { kind: "parked", wakeAt: leave.wakeAt };
    case "pending":
      return { kind: "released" };
    case "held":
      return { kind: "held", error: troubleOf(turns) ?? idleRun(runId) };
    default: {
      const { status, event, successor } = turns.ending!;
      return { kind: "ended", status, payload: event.payload, successorId: successor?.id ?? null };
    }
  }
}
