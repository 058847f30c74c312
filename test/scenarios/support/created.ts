import type { Event, RunCreated } from "../../../packages/perdure/src/model/event.ts";

/** The first event of a history, which must be its creation. */
export function assertCreated(events: readonly Event[]): RunCreated {
  const [created] = events;
  if (created?.type !== "run.created") throw new Error("A history begins with run.created.");
  return created;
}
