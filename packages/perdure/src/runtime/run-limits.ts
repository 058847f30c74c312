/** The bounds of a run that are checked as it grows. */
import { PerdureError } from "../errors.ts";
import type { Limits } from "../model/limits.ts";

const remedy = "Do less in one run, in several runs if need be, or raise";

/** What a run has gone beyond; null while it keeps within its limits. */
export function limitError(
  run: { id: string; workflow: string },
  counts: Pick<Limits, "events" | "historyBytes" | "openOperations">,
  limits: Limits,
): PerdureError | null {
  const subject = `Run "${run.id}" of workflow "${run.workflow}"`;
  if (counts.events > limits.events) {
    return new PerdureError(
      "HISTORY_TOO_LONG",
      `${subject} has more than ${limits.events} events. ${remedy} limits.events of the workflow.`,
    );
  }
  if (counts.historyBytes > limits.historyBytes) {
    return new PerdureError(
      "HISTORY_TOO_LONG",
      `${subject} has stored more than ${limits.historyBytes} bytes. ${remedy} limits.historyBytes of the workflow.`,
    );
  }
  if (counts.openOperations > limits.openOperations) {
    return new PerdureError(
      "TOO_MANY_OPERATIONS",
      `${subject} has more than ${limits.openOperations} operations open at a time. Use map() with a concurrency, or raise ` +
        `limits.openOperations of the workflow.`,
    );
  }
  return null;
}
