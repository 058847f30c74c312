/** What is said when code and history do not fit. */
import { PerdureError, type ErrorCode } from "../errors.ts";

/** A run stopped for a reason that other code may mend: it is held, not failed. */
export class HeldError extends PerdureError {
  /** The two operations side by side, where there are two. */
  readonly recorded: string | null;
  readonly attempted: string | null;

  constructor(
    code: ErrorCode,
    message: string,
    sides: { recorded?: string | null; attempted?: string | null } = {},
  ) {
    super(code, message);
    this.recorded = sides.recorded ?? null;
    this.attempted = sides.attempted ?? null;
  }
}

const advice =
  "The workflow changed under a live run: put the old code back, or register the new code as a new version. " +
  "The run is held and goes on when the code fits.";

interface Described {
  kind: string;
  name: string;
}

const words: Record<string, string> = { step: "step", timer: "timer" };

export function describeOperation({ kind, name }: Described): string {
  return `${words[kind] ?? kind} "${name}"`;
}

/** The code asked for another operation than the one that history has under this number. */
export function differentOperation(
  runId: string,
  number: number,
  recorded: Described,
  attempted: Described,
  place: string,
): HeldError {
  return new HeldError(
    "HISTORY_MISMATCH",
    `Run "${runId}" called ${describeOperation(attempted)} where its history has ${describeOperation(recorded)} ` +
      `(operation ${number}, at ${place}). ${advice}`,
    { recorded: describeOperation(recorded), attempted: describeOperation(attempted) },
  );
}

/** The code asked for an operation that history does not have at this point. */
export function extraOperation(
  runId: string,
  number: number,
  attempted: Described,
  place: string,
): HeldError {
  return new HeldError(
    "HISTORY_MISMATCH",
    `Run "${runId}" called ${describeOperation(attempted)} (operation ${number}, at ${place}) where its history has no ` +
      `operation. ${advice}`,
    { attempted: describeOperation(attempted) },
  );
}

/** History has an operation that the code no longer asks for. */
export function missingOperation(runId: string, number: number, recorded: Described): HeldError {
  return new HeldError(
    "HISTORY_MISMATCH",
    `Run "${runId}" has ${describeOperation(recorded)} in its history (operation ${number}), and the code did not call it. ` +
      advice,
    { recorded: describeOperation(recorded) },
  );
}

/** The workflow returned, or threw, while its history goes on. */
export function endedEarly(runId: string, seq: number, type: string): HeldError {
  return new HeldError(
    "HISTORY_MISMATCH",
    `Run "${runId}" came to its end where its history goes on (event ${seq}, ${type}). ${advice}`,
  );
}

export function foreignAwait(runId: string, attempted: Described, place: string): HeldError {
  return new HeldError(
    "FOREIGN_AWAIT",
    `Run "${runId}" called ${describeOperation(attempted)} (at ${place}) after it awaited something that is not an operation, ` +
      `such as a timer, a request, or an import. Replay could not repeat that order. Put what is awaited into a step.`,
    { attempted: describeOperation(attempted) },
  );
}

export function foreignEnd(runId: string): HeldError {
  return new HeldError(
    "FOREIGN_AWAIT",
    `Run "${runId}" came to its end after it awaited something that is not an operation, such as a timer, a request, or an ` +
      `import. Replay could not repeat that order. Put what is awaited into a step.`,
  );
}

export function idleRun(runId: string): HeldError {
  return new HeldError(
    "IDLE_RUN",
    `Run "${runId}" waits for nothing that could ever happen: none of its operations is open, and its function has not ` +
      `returned. It awaits a promise of its own that never settles. Put what is awaited into a step.`,
  );
}
