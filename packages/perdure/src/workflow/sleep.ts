import { parseWhen, type Duration } from "../model/duration.ts";
import { requireRun } from "./context.ts";

/**
 * Waits for a span of time, or until a date: a millisecond or a year. No process, timer or connection is held meanwhile.
 * A date that has passed returns with the next commit.
 *
 * @throws PerdureError `NOT_IN_RUN`, `INSIDE_STEP`, `INVALID_DURATION`.
 * @example await sleep("30d");
 */
export async function sleep(duration: Duration | Date): Promise<void> {
  const when = parseWhen(duration, "sleep()");
  await requireRun("sleep()").perform({ kind: "timer", name: "sleep", when });
}
