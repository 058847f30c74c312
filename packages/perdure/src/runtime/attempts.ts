/** The attempts of one run that are under way in this process. */
import type { Clock } from "../clock.ts";
import type { Limits } from "../model/limits.ts";
import { decodePayload } from "../model/payload.ts";
import type { Operation } from "../replay/operation.ts";
import { Attempt, type AttemptOutcome } from "./attempt.ts";
import type { StoreTime } from "./store-time.ts";

export interface AttemptEnd {
  operation: Operation;
  outcome: AttemptOutcome;
}

export interface AttemptsPorts {
  runId: string;
  workflow: string;
  limits: Limits;
  clock: Clock;
  storeTime: StoreTime;
  /** Told once for each attempt that was not aborted. */
  onEnd: (end: AttemptEnd) => void;
}

export class Attempts {
  readonly #ports: AttemptsPorts;
  readonly #running = new Map<number, Attempt>();

  constructor(ports: AttemptsPorts) {
    this.#ports = ports;
  }

  get count(): number {
    return this.#running.size;
  }

  /** Calls the step's function. `deadlineAt` is in store time; null for none. */
  begin(operation: Operation, deadlineAt: number | null): void {
    const { runId, workflow, limits, clock, storeTime, onEnd } = this.#ports;
    const spec = operation.stepSpec;
    const untilDeadline = deadlineAt === null ? null : storeTime.until(deadlineAt);
    const isTimeout = spec.timeoutMs !== null && (untilDeadline === null || spec.timeoutMs <= untilDeadline);
    const attempt = new Attempt({
      runId,
      workflow,
      op: operation.number,
      attempt: operation.attempt,
      spec,
      // The function gets a copy, as it would in another process: what it changes, the workflow does not see.
      args: operation.argsText === null ? [] : (decodePayload(operation.argsText) as unknown[]),
      limitMs: isTimeout ? spec.timeoutMs : untilDeadline,
      limitName: isTimeout ? "timeout" : "deadline",
      limits,
      clock,
      onEnd: (outcome) => {
        this.#running.delete(operation.number);
        onEnd({ operation, outcome });
      },
    });
    this.#running.set(operation.number, attempt);
    attempt.begin();
  }

  /** Fires the signals of all; how they end is not told any more. */
  abort(createReason: () => Error): void {
    if (this.#running.size === 0) return;
    const reason = createReason();
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const attempt of running) attempt.abort(reason);
  }
}
