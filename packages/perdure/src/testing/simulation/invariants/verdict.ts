/** What the checkers found, and how often they looked: a check that never looks finds nothing. */

export interface Violation {
  /** `I…` as numbered in the reliability plan; `L…` for a line of the protocol that has no number there. */
  invariant: string;
  message: string;
}

export class Verdict {
  readonly violations: Violation[] = [];
  readonly evaluations: Record<string, number> = {};

  /** Counts one look. `message` is asked for only when the condition does not hold. */
  holds(invariant: string, condition: boolean, message: () => string): boolean {
    this.evaluations[invariant] = (this.evaluations[invariant] ?? 0) + 1;
    if (!condition) this.violations.push({ invariant, message: message() });
    return condition;
  }
}
