/** What a start may be told, and what of it is refused. */
import { PerdureError } from "../errors.ts";
import { parseWhen, type Duration } from "../model/duration.ts";
import { isRunId } from "../model/id.ts";
import type { AttributeValue } from "../model/run.ts";
import type { WorkflowSpec } from "../workflow/workflow-spec.ts";

/** What a start may say besides workflow and input. */
export interface StartOptions {
  /**
   * A start with a key that exists for this workflow answers with the run that has it, for as long as that run is kept. Another input
   * under it is refused with `KEY_CONFLICT`.
   */
  idempotencyKey?: string;
  /** The run's id; without one it gets a UUIDv7. */
  id?: string;
  /**
   * What to do when the id exists: answer with that run (the default), refuse with `ID_EXISTS`, or terminate it and have a
   * successor take its place, which handles of the id then follow.
   */
  onExisting?: "return" | "reject" | "terminate";
  /** How long to wait before the run begins. */
  delay?: Duration;
  /** When the run begins. Not together with `delay`. */
  startAt?: Date;
  /** How long the run may take from when it begins, or until when. Default: the workflow's. */
  deadline?: Duration | Date;
  /** From -100 to 100; higher goes first. Default 0. */
  priority?: number;
  /** Values that lists can be searched by. */
  attributes?: Record<string, AttributeValue>;
  /** A version other than the one that was defined last. */
  version?: string;
}

/** Which runs a list or a count is about: those that fit everything that is given. */
/** @throws PerdureError `INVALID_OPTION` or `INVALID_DURATION`. */
export function checkStartOptions(spec: WorkflowSpec, options: StartOptions): void {
  const what = `start of workflow "${spec.name}"`;
  const refuse = (message: string): never => {
    throw new PerdureError("INVALID_OPTION", `${message} (${what})`);
  };
  const { id, idempotencyKey, priority, delay, startAt, onExisting, attributes = {} } = options;
  if (id !== undefined && !isRunId(id)) {
    refuse(
      `id ${JSON.stringify(id).slice(0, 80)} must be 1 to 200 of the characters A-Z a-z 0-9 . _ : @ / + ~ -, and begin with a letter or digit.`,
    );
  }
  if (
    idempotencyKey !== undefined &&
    (typeof idempotencyKey !== "string" || idempotencyKey === "" || idempotencyKey.length > 500)
  ) {
    refuse("idempotencyKey must be a text of 1 to 500 characters.");
  }
  if (id !== undefined && idempotencyKey !== undefined)
    refuse("id and idempotencyKey are two names for one run: give one of them.");
  if (priority !== undefined && !(Number.isSafeInteger(priority) && Math.abs(priority) <= 100)) {
    refuse(`priority is ${priority}. It must be a whole number from -100 to 100.`);
  }
  if (delay !== undefined && startAt !== undefined)
    refuse("delay and startAt say the same thing twice: give one of them.");
  if (startAt !== undefined) parseWhen(startAt, "startAt");
  if (onExisting !== undefined && !["return", "reject", "terminate"].includes(onExisting)) {
    refuse(`onExisting is "${onExisting as string}". It must be "return", "reject" or "terminate".`);
  }
  for (const [name, value] of Object.entries(attributes)) {
    const isValue = typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
    if (!isValue || name === "" || name.length > 200 || String(value).length > 1_000) {
      refuse(
        `attribute "${name.slice(0, 80)}" must be a text of at most 1000 characters, a finite number or a boolean.`,
      );
    }
  }
  if (Object.keys(attributes).length > 50) refuse("a run can have at most 50 attributes.");
}

/** As a new run takes it. */
export function deadlineOf(deadline: Duration | Date | undefined): {
  deadlineAt?: number;
  deadlineAfterMs?: number;
} {
  if (deadline === undefined) return {};
  const when = parseWhen(deadline, "deadline");
  return "atMs" in when ? { deadlineAt: when.atMs } : { deadlineAfterMs: when.afterMs };
}
