/** A history as it counts: what was rewound is left out. */
import { isRunEnd, type Event } from "./event.ts";

/** The events that hold, in order. Rewinding may itself be rewound. */
export function effectiveHistory(events: readonly Event[]): Event[] {
  const effective: Event[] = [];
  for (const event of events) {
    if (event.type !== "run.rewound") {
      effective.push(event);
      continue;
    }
    while (effective.length > 0 && effective.at(-1)!.seq > event.to) effective.pop();
  }
  return effective;
}

/**
 * Where a failed run goes on when it is retried: before the outcome of the step that failed last, or before the failure
 * itself when no step failed. Both are ends of a turn, so that no operation loses its start.
 */
export function retryPoint(events: readonly Event[]): number {
  const effective = effectiveHistory(events);
  const failedStep = effective.findLast(
    (event) => event.type === "step.failed" && event.retryAt === undefined,
  );
  const point = failedStep ?? effective.findLast((event) => isRunEnd(event.type));
  return (point?.seq ?? effective.at(-1)!.seq + 1) - 1;
}
