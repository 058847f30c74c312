/**
 * Every error that Perdure itself raises, and the closed set of their codes.
 *
 * A user's failing code is not here: it is data in a run's history (`model/failure.ts`).
 */

/** The closed set of codes. `docs/errors/` has one page for each; a test compares the two. */
export const errorCodes = [
  "ALREADY_CLOSED",
  "CRASH_LIMIT",
  "DEADLINE_EXCEEDED",
  "DUPLICATE_NAME",
  "FOREIGN_AWAIT",
  "HISTORY_MISMATCH",
  "HISTORY_TOO_LONG",
  "HISTORY_TOO_NEW",
  "HISTORY_UNREADABLE",
  "IDLE_RUN",
  "ID_EXISTS",
  "INSIDE_STEP",
  "INTERNAL_ERROR",
  "INVALID_CURSOR",
  "INVALID_DURATION",
  "INVALID_INPUT",
  "INVALID_NAME",
  "INVALID_OPTION",
  "INVALID_OUTPUT",
  "KEY_CONFLICT",
  "NOT_IN_RUN",
  "RESULT_TIMEOUT",
  "RUN_NOT_FAILED",
  "RUN_NOT_FOUND",
  "STORE_CORRUPT",
  "STORE_FULL",
  "STORE_LOCKED",
  "STORE_NOT_WRITABLE",
  "STORE_TOO_NEW",
  "STORE_UNAVAILABLE",
  "TERMINATED",
  "TOO_MANY_OPERATIONS",
  "TRANSIENT_LOST",
  "UNHANDLED_REJECTION",
  "UNKNOWN_STORE",
  "UNKNOWN_WORKFLOW",
  "UNSTORABLE_VALUE",
  "VALUE_TOO_DEEP",
  "VALUE_TOO_LARGE",
] as const;

/** One of the closed set of codes; `docs/errors/` has a page for each. */
export type ErrorCode = (typeof errorCodes)[number];

/**
 * Misuse or operating trouble, said at the boundary: `code` is stable, the message names the thing, what was
 * found, and what to do next.
 */
export class PerdureError extends Error {
  override readonly name: string = "PerdureError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}

/** Thrown by a step's function: the step fails at once, whatever its retry policy says. */
export class FatalError extends Error {
  override readonly name = "FatalError";
}

/**
 * Thrown by a step's function: the step is tried again after `after` instead of the delay of its policy.
 * It spends an attempt like any other failure.
 */
export class RetryableError extends Error {
  override readonly name = "RetryableError";
  /** When to try again: a duration such as `"30s"`, milliseconds, or a date. */
  readonly after: string | number | Date | undefined;

  constructor(message: string, options?: ErrorOptions & { after?: string | number | Date }) {
    super(message, options);
    this.after = options?.after;
  }
}

/** The run, or the scope that waited, was cancelled. */
export class CancelledError extends Error {
  override readonly name = "CancelledError";
  readonly code: string;

  constructor(message: string, options?: ErrorOptions & { code?: string }) {
    super(message, options);
    this.code = options?.code ?? "CANCELLED";
  }
}

/** An attempt took longer than its `timeout`, or a step longer than its `deadline`. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/** A `once` step was started and nobody knows how it ended: it is not run again. Find out, then decide. */
export class OutcomeUnknownError extends Error {
  override readonly name = "OutcomeUnknownError";
}

/** More items of a `mapSettled` failed than it tolerates. `errors` has the failures, in the items' order. */
export class TooManyFailuresError extends Error {
  override readonly name = "TooManyFailuresError";
  readonly errors: unknown[];

  constructor(message: string, errors: unknown[] = []) {
    super(message);
    this.errors = errors;
  }
}

/** What `result()` rejects with when a run failed; `cause` is what the workflow threw. */
export class RunFailedError extends Error {
  override readonly name = "RunFailedError";
  readonly runId: string;
  readonly workflow: string;

  constructor(run: { id: string; workflow: string }, cause: unknown) {
    super(`Run "${run.id}" of workflow "${run.workflow}" failed: ${describeThrown(cause)}`, { cause });
    this.runId = run.id;
    this.workflow = run.workflow;
  }
}

/** One line about anything that can be thrown, also where looking at it throws. */
export function describeThrown(thrown: unknown): string {
  try {
    if (thrown instanceof Error) {
      // Anybody may have put anything there.
      const { message, name } = thrown as { message: unknown; name: unknown };
      return String(message) || String(name);
    }
    if (typeof thrown === "string") return thrown;
    const text = JSON.stringify(thrown) as string | undefined;
    return text ?? typeof thrown;
  } catch {
    return "a value that cannot be shown as text";
  }
}

const kind = Symbol.for("perdure.error");

/**
 * Two copies of this package may meet in one process (the CLI's and the user's, ESM and CommonJS). What one throws the other has
 * to know, so `instanceof` goes by a name that both have, not by the identity of a class.
 */
function recognizeByKind(errorClass: { prototype: object }, name: string): void {
  Object.defineProperty(errorClass.prototype, kind, { value: name });
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // A class of the user's that extends ours is an ordinary one.
      if (this !== errorClass) return Function.prototype[Symbol.hasInstance].call(this as () => void, value);
      for (
        let object = value;
        typeof object === "object" && object !== null;
        object = Object.getPrototypeOf(object)
      ) {
        if (Object.hasOwn(object, kind) && (object as { [kind]: unknown })[kind] === name) return true;
      }
      return false;
    },
  });
}

recognizeByKind(PerdureError, "PerdureError");
recognizeByKind(FatalError, "FatalError");
recognizeByKind(RetryableError, "RetryableError");
recognizeByKind(CancelledError, "CancelledError");
recognizeByKind(TimeoutError, "TimeoutError");
recognizeByKind(OutcomeUnknownError, "OutcomeUnknownError");
recognizeByKind(TooManyFailuresError, "TooManyFailuresError");
recognizeByKind(RunFailedError, "RunFailedError");
