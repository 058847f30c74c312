/** A history for readers: events with their values decoded. */
import { decodeEvent, type Event, type StoredEvent } from "../model/event.ts";
import { decodeFailure, type Failure } from "../model/failure.ts";
import { decodePayload } from "../model/payload.ts";

type View<E> = E extends { payload: unknown } ? Omit<E, "payload"> & Values : E;

interface Values {
  /** The input, the arguments, the result or the output. */
  value?: unknown;
  /** What was thrown. */
  failure?: Failure;
}

/** An event as `run.history()` and `run.events()` give it. */
export type HistoryEvent = View<Event>;

export function viewEvent(stored: StoredEvent): HistoryEvent {
  const event = decodeEvent(stored);
  if (!("payload" in event)) return event;
  const { payload, ...rest } = event;
  if (payload === null || payload === undefined) return rest;
  const isFailure =
    event.type === "step.failed" || event.type === "run.failed" || event.type === "run.cancelled";
  return {
    ...rest,
    ...(isFailure ? { failure: decodeFailure(payload) } : { value: decodePayload(payload) }),
  };
}
