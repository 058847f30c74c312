/** A history as it counts: what was rewound is left out. */
import { isDelivery, isRunEnd, type Event } from "./event.ts";

export interface EffectiveHistory {
  /** The events that hold, in order. */
  events: readonly Event[];
  /** Attempts of steps that no longer count, by operation: each rewinding gives a step its attempts back. */
  forgiven: ReadonlyMap<number, number>;
  /** Whether nothing has happened since the run was rewound. */
  isRewound: boolean;
}

const nothing: ReadonlyMap<number, number> = new Map();

/** Rewinding may itself be rewound. */
export function effectiveHistory(events: readonly Event[]): EffectiveHistory {
  if (!events.some((event) => event.type === "run.rewound")) {
    return { events, forgiven: nothing, isRewound: false };
  }
  const effective: Event[] = [];
  let forgiven = new Map<number, number>();
  for (const event of events) {
    if (event.type !== "run.rewound") {
      effective.push(event);
      continue;
    }
    while (effective.length > 0 && effective.at(-1)!.seq > event.to) effective.pop();
    forgiven = new Map();
    for (const earlier of effective) {
      if (earlier.type === "step.started") forgiven.set(earlier.op, earlier.attempt);
    }
  }
  return { events: effective, forgiven, isRewound: events.at(-1)!.type === "run.rewound" };
}

/**
 * Where a failed run goes on when it is retried: before the outcome of the step that failed last, so that it is tried again. When
 * something was recorded after that outcome (the code caught it, and went on), or no step failed, before the run's end:
 * a recorded result is never given up. Both are ends of a turn, so that no operation loses its start.
 */
export function retryPoint(events: readonly Event[]): number {
  const effective = effectiveHistory(events).events;
  const failed = effective.findLastIndex(
    (event) => event.type === "step.failed" && event.retryAt === undefined,
  );
  if (failed >= 0 && !effective.slice(failed + 1).some(isDelivery)) return effective[failed]!.seq - 1;
  const end = effective.find((event) => event.type === "step.abandoned" || isRunEnd(event.type));
  return (end?.seq ?? effective.at(-1)!.seq + 1) - 1;
}
