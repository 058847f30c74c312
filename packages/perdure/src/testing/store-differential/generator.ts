/**
 * Random arguments for the store port, from small pools: ids, keys and names must meet often, or nothing is tested.
 */
import type { NewEvent } from "../../model/event.ts";
import type { NewMessage } from "../../model/message.ts";
import { isEnded, runStatuses, type Lane, type RunRecord } from "../../model/run.ts";
import type { ClaimRequest, Leave, NewRun, NewWorker, RunFilter, RunWrite } from "../../store.ts";

const leaseMs = 1000;
const liveWorkers = 4;

export class Generator {
  readonly #knownRunIds: string[] = [];
  readonly #messages: NewMessage[] = [];
  #state: number;
  #runCount = 0;
  #workerCount = 0;
  #claimCount = 0;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 up to, not including, 1 (mulberry32). */
  #fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  below(limit: number): number {
    return Math.floor(this.#fraction() * limit);
  }

  chance(probability: number): boolean {
    return this.#fraction() < probability;
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }

  weighted<T>(choices: readonly { weight: number; value: T }[]): T {
    let left = this.#fraction() * choices.reduce((sum, { weight }) => sum + weight, 0);
    for (const { weight, value } of choices) if ((left -= weight) < 0) return value;
    return choices.at(-1)!.value;
  }

  /** Mostly forwards by little; at times past a lease, at times back. */
  elapsedMs(): number {
    if (this.chance(0.1)) return leaseMs + this.below(leaseMs);
    if (this.chance(0.08)) return -this.below(300);
    return this.below(250);
  }

  lane(): Lane {
    return {
      queue: this.chance(0.8) ? "default" : "other",
      workflow: this.chance(0.8) ? "order" : "refund",
      version: this.chance(0.9) ? "1" : "2",
    };
  }

  lanes(): Lane[] {
    return Array.from({ length: this.below(4) }, () => this.lane());
  }

  newRuns(): NewRun[] {
    return Array.from({ length: this.below(3) + 1 }, () => this.newRun());
  }

  newRun(): NewRun {
    const isNew = this.chance(0.9);
    return {
      ...this.lane(),
      id: isNew ? `r${this.#runCount++}` : this.knownRunId(),
      kind: this.chance(0.8) ? "workflow" : "step",
      priority: this.below(3) - 1,
      startAt: this.chance(0.05) ? this.below(1000) : null,
      startAfterMs: this.chance(0.2) ? this.below(800) : null,
      deadlineAt: this.chance(0.1) ? this.below(1000) : null,
      deadlineAfterMs: this.chance(0.2) ? this.below(1000) : null,
      idempotencyKey: this.chance(0.2) ? `k${this.below(this.#runCount + 5)}` : null,
      inputHash: this.chance(0.3) ? `h${this.below(3)}` : null,
      attempt: this.below(3) + 1,
      predecessorId: this.chance(0.1) ? this.knownRunId() : null,
      replaces: this.chance(0.12) ? this.knownRunId() : null,
      attributes: this.chance(0.3) ? { tier: this.below(3), big: this.chance(0.5) } : {},
      created: { body: this.chance(0.5) ? '{"version":"1"}' : null, payload: `${this.below(9)}` },
    };
  }

  /** Says that this run exists. */
  know(runId: string): void {
    this.#knownRunIds.push(runId);
  }

  /** A run that exists, rather one of late; at times one that does not. */
  knownRunId(): string {
    const pool = this.chance(0.8) ? this.#knownRunIds.slice(-12) : this.#knownRunIds;
    return (this.chance(0.95) ? this.pick(pool) : undefined) ?? `r${this.#runCount + 1000}`;
  }

  messages(): NewMessage[] {
    return Array.from({ length: this.below(3) + 1 }, () => {
      const repeated = this.chance(0.15) ? this.pick(this.#messages.slice(-20)) : undefined;
      if (repeated) return repeated;
      const message: NewMessage = {
        runId: this.knownRunId(),
        id: this.chance(0.95) ? `m${this.#messages.length}` : `m${this.below(this.#messages.length + 1)}`,
        kind: "terminate",
        name: this.chance(0.5) ? "" : "now",
        payload: this.chance(0.5) ? null : `${this.below(9)}`,
      };
      this.#messages.push(message);
      return message;
    });
  }

  worker(): NewWorker {
    const id = this.chance(0.9) ? `w${this.#workerCount++}` : this.workerId();
    return { id, leaseMs, host: "here", pid: 1, version: "1", lanes: this.lanes(), concurrency: 5 };
  }

  workerId(): string {
    return `w${Math.max(0, this.#workerCount - 1 - this.below(liveWorkers))}`;
  }

  claimRequest(): Omit<ClaimRequest, "hot"> {
    return {
      workerId: this.workerId(),
      lanes: this.lanes(),
      limit: this.below(6),
      claim: `c${this.#claimCount++}`,
    };
  }

  /** The owner's next write, sometimes with a wrong fence. */
  ownedWrite(run: RunRecord, messageIds: readonly string[], now: number): RunWrite {
    const isWrong = this.chance(0.08);
    return {
      runId: run.id,
      claim: this.chance(0.03) ? "nobody's" : run.claim,
      nextSeq: run.nextSeq + (isWrong ? this.below(3) - 1 : 0),
      commitNumber: run.commitNumber + 1 + (isWrong ? this.below(3) - 1 : 0),
      events: this.#events(),
      consumed: messageIds.filter(() => this.chance(0.5)),
      progress: this.chance(0.3),
      notBefore: this.chance(0.2) ? now + this.below(400) - 100 : null,
      leave: this.chance(0.5) ? this.#leave(run, now) : null,
      runs: this.chance(0.15) ? this.newRuns() : [],
    };
  }

  unownedWrite(run: RunRecord): RunWrite {
    const events = this.#events();
    if (isEnded(run.status) && this.chance(0.8)) events.push({ type: "run.rewound", at: 1, to: 1 });
    return {
      runId: run.id,
      claim: null,
      nextSeq: run.nextSeq + (this.chance(0.1) ? 1 : 0),
      commitNumber: 0,
      events,
      consumed: [],
      progress: false,
      notBefore: null,
      leave: this.chance(0.2)
        ? null
        : this.chance(0.6)
          ? { status: "pending", deadlineAfterMs: this.chance(0.5) ? this.below(500) : null }
          : { status: "cancelled", successorId: null },
      runs: this.chance(0.1) ? this.newRuns() : [],
    };
  }

  filter(): RunFilter {
    const { queue, workflow, version } = this.lane();
    return {
      ...(this.chance(0.3) && { queue }),
      ...(this.chance(0.3) && { workflow }),
      ...(this.chance(0.3) && { version }),
      ...(this.chance(0.3) && { kind: this.chance(0.5) ? ("step" as const) : ("workflow" as const) }),
      ...(this.chance(0.4) && { status: runStatuses.filter(() => this.chance(0.4)) }),
      ...(this.chance(0.1) && { idempotencyKey: `k${this.below(20)}` }),
      ...(this.chance(0.3) && { attributes: { tier: this.below(3) } }),
    };
  }

  #events(): NewEvent[] {
    return Array.from({ length: this.below(3) }, (): NewEvent => {
      const op = this.below(5);
      return this.chance(0.5)
        ? {
            type: "step.started",
            at: this.below(99),
            op,
            name: "charge",
            attempt: this.below(3) + 1,
            payload: null,
          }
        : { type: "step.completed", at: this.below(99), op, payload: `${op}` };
    });
  }

  #leave(run: RunRecord, now: number): Leave {
    const readInboxSeq = Math.max(0, run.inboxSeq - (this.chance(0.2) ? 1 : 0));
    const dueAt = now + this.below(1500) - 200;
    const timer = { kind: "timer", op: 1, name: "nap", dueAt, others: 0 } as const;
    const code = { kind: "code", code: "HISTORY_MISMATCH", message: "no fit", retryAt: dueAt } as const;
    return this.weighted<Leave>([
      { weight: 3, value: { status: "suspended", wakeAt: null, waitingFor: null, readInboxSeq } },
      { weight: 3, value: { status: "suspended", wakeAt: dueAt, waitingFor: timer, readInboxSeq } },
      { weight: 1, value: { status: "held", wakeAfterMs: this.below(2000), waitingFor: code } },
      { weight: 2, value: { status: "pending", deadlineAfterMs: this.chance(0.3) ? this.below(900) : null } },
      { weight: 1, value: { status: "completed", successorId: null } },
      { weight: 1, value: { status: "failed", successorId: this.chance(0.5) ? this.knownRunId() : null } },
      { weight: 0.3, value: { status: "continued", successorId: `r${this.#runCount}` } },
    ]);
  }
}
