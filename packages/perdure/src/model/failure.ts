/**
 * What user code threw, as data that survives the store.
 *
 * F1. An error keeps its name, message, stack, cause, errors and own fields; a field that cannot be stored is left out,
 *     because losing a field is better than losing the failure.
 * F2. What workflow code catches is made from this data, live and in replay alike. Errors of Perdure and of the language
 *     come back as their class; any other as an `Error` with its name.
 * F3. Its size is bounded, so that a failure can always be recorded.
 */
import {
  CancelledError,
  FatalError,
  OutcomeUnknownError,
  PerdureError,
  RetryableError,
  RunFailedError,
  TimeoutError,
  TooManyFailuresError,
} from "../errors.ts";

/** Plain JSON; `thrown` instead of a name when something other than an error was thrown. */
export interface Failure {
  name: string;
  message: string;
  stack?: string;
  /** Own enumerable fields that JSON carries. */
  fields?: Record<string, unknown>;
  cause?: Failure;
  errors?: Failure[];
  /** Present when what was thrown is no error: the value itself, as far as JSON carries it. */
  thrown?: unknown;
}

const maxMessageLength = 16_384;
const maxStackLength = 16_384;
const maxFieldsLength = 16_384;
const maxChain = 8;
const maxErrors = 32;

const standardFields = new Set(["name", "message", "stack", "cause", "errors"]);

export function failureFromError(thrown: unknown, chain = 0): Failure {
  if (!isError(thrown))
    return { name: "Thrown", message: shorten(asText(thrown), maxMessageLength), thrown: asJson(thrown) };
  const failure: Failure = {
    name: shorten(asText(read(thrown, "name")), 200),
    message: shorten(asText(read(thrown, "message")), maxMessageLength),
  };
  const stack = read(thrown, "stack");
  if (typeof stack === "string") failure.stack = shorten(stack, maxStackLength);
  const fields = ownFields(thrown);
  if (fields) failure.fields = fields;
  if (chain < maxChain) {
    const cause = read(thrown, "cause");
    if (cause !== undefined) failure.cause = failureFromError(cause, chain + 1);
    const errors = read(thrown, "errors");
    if (Array.isArray(errors)) {
      failure.errors = errors.slice(0, maxErrors).map((error) => failureFromError(error, chain + 1));
    }
  }
  return failure;
}

/** What user code gets to catch. */
export function errorFromFailure(failure: Failure): unknown {
  if ("thrown" in failure) return failure.thrown;
  const error = createError(failure);
  // A recorded stack is where it happened; the one of this moment would name only the replay.
  hide(error, "stack", failure.stack ?? `${failure.name}: ${failure.message}`);
  if (error.message !== failure.message) hide(error, "message", failure.message);
  if (error.name !== failure.name) hide(error, "name", failure.name);
  if (failure.cause) hide(error, "cause", errorFromFailure(failure.cause));
  if (failure.errors) hide(error, "errors", failure.errors.map(errorFromFailure));
  for (const [key, value] of Object.entries(failure.fields ?? {})) {
    Object.defineProperty(error, key, { value, enumerable: true, writable: true, configurable: true });
  }
  return error;
}

export function encodeFailure(thrown: unknown): string {
  return JSON.stringify(failureFromError(thrown));
}

/** @throws PerdureError `HISTORY_UNREADABLE` when the text is no failure. */
export function decodeFailure(text: string): Failure {
  try {
    const failure = JSON.parse(text) as Failure;
    if (typeof failure.name === "string" && typeof failure.message === "string") return failure;
  } catch {
    // said below
  }
  throw new PerdureError(
    "HISTORY_UNREADABLE",
    `A stored failure could not be read back: ${text.slice(0, 80)}.`,
  );
}

type ErrorClass = new (message: string) => Error;

const knownClasses: Record<string, ErrorClass> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  FatalError,
  RetryableError,
  TimeoutError,
  OutcomeUnknownError,
  TooManyFailuresError,
};

function createError(failure: Failure): Error {
  const fields = failure.fields ?? {};
  if (failure.name === "PerdureError") {
    return withPrototype(failure, PerdureError.prototype);
  }
  if (failure.name === "CancelledError")
    return new CancelledError(failure.message, { code: String(fields["code"]) });
  if (failure.name === "RunFailedError") return withPrototype(failure, RunFailedError.prototype);
  if (failure.name === "AggregateError") return new AggregateError([], failure.message);
  const known = Object.hasOwn(knownClasses, failure.name) ? knownClasses[failure.name] : undefined;
  return known ? new known(failure.message) : new Error(failure.message);
}

/** For classes whose constructor would write its own message. */
function withPrototype(failure: Failure, prototype: Error): Error {
  const error = new Error(failure.message);
  Object.setPrototypeOf(error, prototype);
  Object.defineProperty(error, "name", { value: failure.name, configurable: true, writable: true });
  return error;
}

function hide(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, enumerable: false, writable: true, configurable: true });
}

function ownFields(error: Error): Record<string, unknown> | undefined {
  const fields: Record<string, unknown> = {};
  let found = false;
  let length = 0;
  for (const key of Object.keys(error)) {
    if (standardFields.has(key) || key === "__proto__") continue;
    const value = asJson(read(error, key));
    if (value === undefined) continue;
    length += key.length + JSON.stringify(value).length;
    if (length > maxFieldsLength) break;
    fields[key] = value;
    found = true;
  }
  return found ? fields : undefined;
}

/** A proxy may refuse to say what it is. */
function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error;
  } catch {
    return false;
  }
}

/** A getter may throw: its field is then left out, not the failure. */
function read(error: Error, key: string): unknown {
  try {
    return (error as unknown as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** The value as JSON carries it, or undefined where it does not, or where it is too large to keep with a failure. */
function asJson(value: unknown): unknown {
  try {
    const text = JSON.stringify(value) as string | undefined;
    return text === undefined || text.length > maxFieldsLength ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asText(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "a value that cannot be shown as text";
  }
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}… (${text.length - length} more characters)`;
}
