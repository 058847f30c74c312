/** A workflow as it was declared: its options checked, its defaults in place. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { PerdureError } from "../errors.ts";
import { parseDuration, type Duration } from "../model/duration.ts";
import { defaultLimits, hardPayloadBytes, type Limits } from "../model/limits.ts";
import { resolveRetry, type RetryOptions, type RetryPolicy } from "../model/retry.ts";
import { defaultQueue } from "../model/run.ts";
import { requireName } from "./step-spec.ts";

/** How runs of a workflow are versioned, bounded and checked. */
export interface WorkflowOptions {
  /** Runs are pinned to the version under which they were started. Default `"1"`. */
  version?: string;
  /** Checks the input when a run is started; the function gets what the schema gives. */
  input?: StandardSchemaV1;
  /** Checks what the function returns. A refusal fails the run. */
  output?: StandardSchemaV1;
  /** How long a whole run may take from its start. Then it has failed with `DEADLINE_EXCEEDED`. Default: no limit. */
  deadline?: Duration;
  /**
   * Tries a failed run again as a new one with an empty history; `result()` follows it. Default: never.
   */
  retry?: RetryOptions;
  /** Bounds of each run. */
  limits?: Partial<Limits>;
  /**
   * Writes rows at start and end only; waits live in memory, and a crash ends the run as failed with `TRANSIENT_LOST`.
   * For work that is cheap to start again. Default false.
   */
  transient?: boolean;
  title?: string;
  description?: string;
  tags?: readonly string[];
}

/** A declared workflow as the engine sees it: options checked, defaults in place. */
export interface WorkflowSpec {
  readonly name: string;
  readonly version: string;
  readonly queue: string;
  readonly run: (input: never) => unknown;
  readonly input: StandardSchemaV1 | null;
  readonly output: StandardSchemaV1 | null;
  readonly deadlineMs: number | null;
  readonly retry: RetryPolicy | null;
  readonly limits: Limits;
  readonly transient: boolean;
  readonly title: string | null;
  readonly description: string | null;
  readonly tags: readonly string[];
  /** The file that declared it. */
  readonly module: string;
}

/** @throws PerdureError `INVALID_NAME`, `INVALID_OPTION`, `INVALID_DURATION`. */
export function createWorkflowSpec(
  name: string,
  options: WorkflowOptions,
  run: WorkflowSpec["run"],
  module: string,
): WorkflowSpec {
  requireName(name, "A workflow");
  const what = `workflow "${name}"`;
  if (typeof run !== "function") {
    throw new PerdureError(
      "INVALID_OPTION",
      `${what} was given no function. Write workflow(name, async (input) => …).`,
    );
  }
  const version = options.version ?? "1";
  requireName(version, `The version of ${what}`);
  return {
    name,
    version,
    queue: defaultQueue,
    run,
    input: options.input ?? null,
    output: options.output ?? null,
    deadlineMs:
      options.deadline === undefined ? null : parseDuration(options.deadline, `deadline of ${what}`),
    retry: options.retry ? resolveRetry(options.retry, what) : null,
    limits: resolveLimits(options.limits, what),
    transient: options.transient ?? false,
    title: options.title ?? null,
    description: options.description ?? null,
    tags: options.tags ?? [],
    module,
  };
}

function resolveLimits(limits: Partial<Limits> | undefined, what: string): Limits {
  const resolved = { ...defaultLimits, ...limits };
  for (const [name, value] of Object.entries(resolved)) {
    const most = name === "payloadBytes" ? hardPayloadBytes : Infinity;
    if (!Object.hasOwn(defaultLimits, name) || !(value >= 1) || value > most) {
      throw new PerdureError(
        "INVALID_OPTION",
        `limits.${name} of ${what} is ${String(value)}. Known limits are ${Object.keys(defaultLimits).join(", ")}; ` +
          `each is a number from 1, payloadBytes at most ${hardPayloadBytes}.`,
      );
    }
  }
  return resolved;
}
