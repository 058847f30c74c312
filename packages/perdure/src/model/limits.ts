/** The named bounds of a run. Each can be changed for an engine and for a workflow. */

export interface Limits {
  /** Events in one run's history: a warning at `warnEvents`, the run fails at `events`. */
  events: number;
  warnEvents: number;
  /** Bytes of one stored value (an input, a result, a failure). */
  payloadBytes: number;
  /** Bytes of all values in one run's history. */
  historyBytes: number;
  /** Levels of nesting in one stored value. */
  depth: number;
  /** Operations of one run that may be open at a time. */
  openOperations: number;
}

export const defaultLimits: Limits = {
  events: 50_000,
  warnEvents: 10_000,
  payloadBytes: 1_048_576,
  historyBytes: 67_108_864,
  depth: 64,
  openOperations: 10_000,
};

/** What no setting can go beyond: larger values make one commit hold up all others. */
export const hardPayloadBytes = 67_108_864;
