/** Whether a step that failed is tried again, and when. */
import { OutcomeUnknownError, RetryableError, TimeoutError, describeThrown } from "../errors.ts";
import { parseWhen, resolveWhen } from "../model/duration.ts";
import { retryDelayMs } from "../model/retry.ts";
import type { StepSpec } from "../workflow/step-spec.ts";
import { isFinalFailure } from "./attempt.ts";

export type FailureDecision = { retryAt: number } | { error: unknown };

/**
 * @param attempt counts only attempts that were not forgiven.
 * @param deadlineAt the earlier of the step's deadline and its run's, in store time; null for none. A retry that could not
 *   begin before it is not waited for.
 */
export function decideFailure(options: {
  spec: StepSpec;
  error: unknown;
  attempt: number;
  now: number;
  deadlineAt: number | null;
  random: number;
}): FailureDecision {
  const { spec, error, attempt, now, deadlineAt } = options;
  if (isFinalFailure(error) || attempt >= spec.retry.maxAttempts || !wantsRetry(spec, error))
    return { error };
  const retryAt = chosenTime(error, now) ?? now + retryDelayMs(spec.retry, attempt, options.random);
  if (deadlineAt !== null && retryAt >= deadlineAt) {
    const cause = { cause: error };
    return {
      error: new TimeoutError(
        `Step "${spec.name}" has no time for another attempt before its deadline. Attempt ${attempt} failed: ${describeThrown(error)}`,
        cause,
      ),
    };
  }
  return { retryAt };
}

/** What a `once` step fails with whose attempt nobody saw end. */
export function unknownOutcome(runId: string, step: string): OutcomeUnknownError {
  return new OutcomeUnknownError(
    `Step "${step}" of run "${runId}" was started, and its worker was lost before it told how it ended. ` +
      `It runs at most once: find out whether it took effect, then go on.`,
  );
}

function wantsRetry(spec: StepSpec, error: unknown): boolean {
  try {
    return spec.retry.retryIf?.(error) ?? true;
  } catch {
    // A predicate that throws has said nothing; the policy stands.
    return true;
  }
}

function chosenTime(error: unknown, now: number): number | null {
  if (!(error instanceof RetryableError) || error.after === undefined) return null;
  try {
    return Math.max(now, resolveWhen(parseWhen(error.after, "RetryableError.after"), now));
  } catch {
    return null;
  }
}
