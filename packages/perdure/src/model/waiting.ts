/** What a run waits for: one typed field, which API, CLI and dashboard print. */

export type Waiting =
  | { kind: "timer"; op: number; name: string; dueAt: number; others: number }
  | {
      kind: "backoff";
      op: number;
      step: string;
      attempt: number;
      maxAttempts: number | null;
      dueAt: number;
      message: string;
      others: number;
    }
  /** The code does not fit the run's history, or stopped on something that the engine cannot see. */
  | { kind: "code"; code: string; message: string; retryAt: number }
  /** Due, and no live worker has its workflow. */
  | { kind: "worker"; workflow: string; version: string; queue: string }
  /** Due, and waiting for a free place. */
  | { kind: "queue"; queue: string }
  /** Not to start before then. */
  | { kind: "start"; dueAt: number };

/** One sentence, for people. */
export function describeWaiting(waiting: Waiting): string {
  switch (waiting.kind) {
    case "timer":
      return `sleeping until ${iso(waiting.dueAt)}${others(waiting.others)}`;
    case "backoff": {
      const of = waiting.maxAttempts === null ? "" : ` of ${waiting.maxAttempts}`;
      return `step ${waiting.step} attempt ${waiting.attempt}${of} at ${iso(waiting.dueAt)}: ${waiting.message}${others(waiting.others)}`;
    }
    case "code":
      return `held: ${waiting.message}`;
    case "worker":
      return `due, and no live worker has workflow ${waiting.workflow} (version ${waiting.version}, queue ${waiting.queue})`;
    case "queue":
      return `waiting for a free place in queue ${waiting.queue}`;
    case "start":
      return `starts at ${iso(waiting.dueAt)}`;
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function others(count: number): string {
  return count === 0 ? "" : ` (and ${count} more)`;
}
