/**
 * Who may do what: follows every call that the store carried out with a small model of owners and leases.
 *
 * I15  Claims of a run form a sequence; every event was written under the claim that was current.
 * I16  A worker that lost its lease or a claim writes nothing afterwards, and is given nothing.
 * I3, I5  A history is what was accepted, in that order, and nothing else.
 * I17  A timer is not early.
 * L1, L4, L7  Lines of the protocol about leases, sweeping and answers.
 */
import type { ClaimedRun, ClaimRequest, RunWrite, WriteAnswer } from "../../../store.ts";
import type { Recording, StoreCall } from "../recording.ts";
import { isLiveAt, type ModelWorker } from "./model-worker.ts";
import { createModelRun, giveBack, type ModelRun } from "./model-run.ts";
import type { Verdict } from "./verdict.ts";

export class OwnershipModel {
  readonly runs = new Map<string, ModelRun>();
  readonly #workers = new Map<string, ModelWorker>();
  readonly #everRegistered = new Set<string>();
  readonly #renewedSentAt = new Map<string, number>();
  readonly #workerOfClaim = new Map<string, string>();
  /** When each process last had its lease renewed, by when it asked. */
  readonly renewals = new Map<string, { tick: number; sentAt: number }[]>();
  readonly #claims = new Set<string>();
  readonly #stopped = new Map<string, number>();
  /** The worker as which each process acts now. */
  readonly #currentOf = new Map<string, string>();
  /** A process whose wall clock was changed while its machine slept cannot know how long that was. */
  readonly wasSetBack = new Set<string>();
  readonly #recording: Recording;
  readonly #verdict: Verdict;

  constructor(recording: Recording, verdict: Verdict) {
    this.#recording = recording;
    this.#verdict = verdict;
    for (const { kind, process, at } of recording.disturbances) {
      if (kind === "stop") this.#stopped.set(process!, at);
      if (kind === "worker-clock" && process !== null) this.wasSetBack.add(process);
    }
    for (const call of recording.calls) this.#follow(call);
  }

  #follow(call: StoreCall): void {
    this.#followStop(call);
    switch (call.method) {
      case "create":
        for (const answer of call.answer) {
          if (answer.status === "created") {
            this.#created(answer.id);
            if (answer.claimed) this.#adopt(call, answer.claimed);
          } else if (answer.status === "exists") {
            this.#verdict.holds(
              "I8",
              this.runs.has(answer.id),
              () => `${answer.id} exists, and nobody created it`,
            );
          }
        }
        break;
      case "deliver":
        call.request.forEach((message, index) =>
          this.#deliver(message.runId, message.id, call.answer[index]!),
        );
        break;
      case "register":
        this.#register(call);
        break;
      case "renew":
        this.#renew(call);
        break;
      case "unregister":
        for (const run of this.runs.values()) if (run.workerId === call.request) giveBack(run);
        this.#workers.delete(call.request);
        break;
      case "claim":
        this.#claim(call);
        break;
      case "load":
        this.#load(call);
        break;
      case "release":
        for (const { runId, claim } of call.request) {
          const run = this.runs.get(runId);
          if (run?.workerId != null && run.claim === claim) giveBack(run);
        }
        break;
      case "commit":
        call.request.forEach((write, index) => this.#write(write, call.answer.answers[index]!, call));
        break;
      case "expire":
        this.#expire(call);
        break;
      default:
        break;
    }
  }

  /** A worker whose stop() has settled is gone. */
  #followStop(call: StoreCall): void {
    if (!["register", "renew", "claim", "expire"].includes(call.method)) return;
    const stoppedAt = this.#stopped.get(call.process);
    if (stoppedAt === undefined) return;
    this.#verdict.holds(
      "L1",
      call.sentAt <= stoppedAt,
      () => `${call.process} was stopped at ${stoppedAt} and sent ${call.method} at ${call.sentAt}`,
    );
  }

  #created(id: string): void {
    const isNew = !this.runs.has(id);
    this.#verdict.holds("I7", isNew, () => `run ${id} was created twice`);
    if (!isNew) return;
    this.runs.set(id, createModelRun(id));
  }

  #deliver(runId: string, messageId: string, answer: string): void {
    const run = this.runs.get(runId);
    if (!run) return;
    const isKnown = run.delivered.has(messageId);
    this.#verdict.holds(
      "I20",
      isKnown ? answer === "repeated" : answer === (run.isEnded ? "ended" : "delivered"),
      () => `message ${messageId} to ${runId} was answered ${answer}`,
    );
    if (answer === "delivered") run.delivered.add(messageId);
  }

  #register(call: Extract<StoreCall, { method: "register" }>): void {
    const { id, leaseMs } = call.request;
    this.#verdict.holds("L1", !this.#everRegistered.has(id), () => `worker ${id} registered twice`);
    this.#everRegistered.add(id);
    this.#noteRenewal(id, call);
    this.#workers.set(id, {
      process: call.process,
      registeredSentAt: call.sentAt,
      leaseMs,
      leaseUntil: call.answer.now + leaseMs,
      isDead: false,
    });
    // A request that was carried out late is of a lease that nobody came to hold.
    const current = this.#workers.get(this.#currentOf.get(call.process) ?? "");
    if (!current || current.registeredSentAt <= call.sentAt) this.#currentOf.set(call.process, id);
  }

  #noteRenewal(id: string, { process, tick, sentAt }: StoreCall): void {
    this.#renewedSentAt.set(id, Math.max(sentAt, this.#renewedSentAt.get(id) ?? -Infinity));
    const renewals = this.renewals.get(process) ?? [];
    this.renewals.set(process, renewals);
    renewals.push({ tick, sentAt });
  }

  #renew(call: Extract<StoreCall, { method: "renew" }>): void {
    const { workerId } = call.request;
    const isLive = isLiveAt(this.#workers.get(workerId), call.storeAt);
    this.#verdict.holds(
      "L1",
      call.answer.live === isLive,
      () =>
        `worker ${workerId} ${isLive ? "is live" : "is dead, expired or gone"}, and its renewal was answered ${call.answer.live}`,
    );
    const worker = this.#workers.get(workerId);
    if (worker) this.#checkOneWorker(call);
    if (!call.answer.live || !worker) return;
    worker.leaseUntil = call.answer.now + worker.leaseMs;
    this.#noteRenewal(workerId, call);
    const named = new Set(call.request.claims.map(({ runId, claim }) => `${runId} ${claim}`));
    const strange = new Set(call.answer.strange.map(({ runId, claim }) => `${runId} ${claim}`));
    for (const run of this.runs.values()) {
      if (run.workerId !== workerId) continue;
      const held = call.request.claims.find(({ runId, claim }) => runId === run.id && claim === run.claim);
      if (held) {
        const hasUnread = held.readInboxSeq < run.delivered.size;
        this.#verdict.holds(
          "L2",
          call.answer.unread.includes(run.id) === hasUnread,
          () =>
            `${workerId} has ${hasUnread ? "" : "no "}messages of ${run.id} to read, and was told otherwise`,
        );
      }
      const key = `${run.id} ${run.claim}`;
      this.#verdict.holds(
        "L2",
        named.has(key) !== strange.has(key),
        () => `${workerId} was not told of its claim ${key}`,
      );
    }
  }

  /** A process acts as one worker at a time. */
  #checkOneWorker({ process, sentAt, request: { workerId } }: Extract<StoreCall, { method: "renew" }>): void {
    const current = this.#currentOf.get(process) ?? workerId;
    const since = this.#workers.get(current)?.registeredSentAt ?? Infinity;
    const isOne = current === workerId || sentAt <= since;
    this.#verdict.holds("L1", isOne, () => `${process} renews ${workerId} after it became ${current}`);
  }

  #claim(call: Extract<StoreCall, { method: "claim" }>): void {
    const { workerId } = call.request;
    const isLive = isLiveAt(this.#workers.get(workerId), call.storeAt);
    this.#verdict.holds(
      "I16",
      call.answer.live === isLive,
      () => `a claim of ${workerId} was answered ${call.answer.live}`,
    );
    for (const claimed of call.answer.runs) this.#take(claimed, workerId, call.request.hot);
  }

  /** A run that was claimed as it was created. */
  #adopt(call: Extract<StoreCall, { method: "create" }>, claimed: ClaimedRun): void {
    const workerId = call.more?.workerId ?? "nobody";
    const isLive = isLiveAt(this.#workers.get(workerId), call.storeAt);
    this.#verdict.holds(
      "I16",
      isLive,
      () => `${claimed.run.id} was adopted by ${workerId}, which is not live`,
    );
    this.#take(claimed, workerId, new Map());
  }

  #take(claimed: ClaimedRun, workerId: string, hot: ClaimRequest["hot"]): void {
    const run = this.runs.get(claimed.run.id);
    this.#verdict.holds("I15", run !== undefined, () => `claimed ${claimed.run.id}, which nobody created`);
    if (!run) return;
    this.#verdict.holds(
      "I15",
      run.workerId === null,
      () => `${run.id} was claimed while ${run.workerId} has it`,
    );
    this.#verdict.holds("I26", !run.isEnded, () => `${run.id} was claimed after its end`);
    const claim = claimed.run.claim!;
    this.#verdict.holds("I15", !this.#claims.has(claim), () => `the claim ${claim} was given twice`);
    this.#claims.add(claim);
    this.#verdict.holds(
      "I15",
      claimed.run.nextSeq === run.nextSeq,
      () => `${run.id} was claimed at ${claimed.run.nextSeq} instead of ${run.nextSeq}`,
    );
    const kept = hot.get(run.id);
    const mayBeHot = kept !== undefined && kept.claim === run.claim && kept.seq === run.nextSeq - 1;
    this.#verdict.holds(
      "L11",
      claimed.hot ? mayBeHot : claimed.events.length === run.nextSeq - 1,
      () =>
        `${run.id} was claimed with ${claimed.events.length} of ${run.nextSeq - 1} events, hot ${claimed.hot}`,
    );
    run.crashCount++;
    this.#verdict.holds(
      "L6",
      claimed.run.crashCount === run.crashCount,
      () => `${run.id} was claimed with ${claimed.run.crashCount} crashes instead of ${run.crashCount}`,
    );
    this.#workerOfClaim.set(claim, workerId);
    run.workerId = workerId;
    run.claim = claim;
    run.claims.push(claim);
    run.commitNumber = 0;
  }

  #load(call: Extract<StoreCall, { method: "load" }>): void {
    const run = this.runs.get(call.request.runId);
    const isCurrent = run?.workerId != null && run.claim === call.request.claim;
    this.#verdict.holds(
      "I15",
      (call.answer !== undefined) === isCurrent,
      () => `a load of ${call.request.runId} was answered wrongly`,
    );
    if (run && isCurrent && call.request.afterSeq === 0) run.reloads++;
  }

  #write(write: RunWrite, answer: WriteAnswer, call: Extract<StoreCall, { method: "commit" }>): void {
    const run = this.runs.get(write.runId);
    if (!run) {
      this.#verdict.holds(
        "I15",
        answer.status === "stale",
        () => `a write to ${write.runId}, which is not there, was taken`,
      );
      return;
    }
    if (write.claim !== null) this.#checkOwnLimit(write.claim, call);
    const isWritten = answer.status === "accepted" || answer.status === "kept";
    const isCurrent = run.workerId !== null && run.claim === write.claim;
    const isNext =
      write.nextSeq === run.nextSeq && (write.claim === null || write.commitNumber === run.commitNumber + 1);
    const reopens =
      write.leave?.status === "pending" && write.events.some(({ type }) => type === "run.rewound");
    const mayWrite =
      write.claim === null
        ? run.workerId === null && isNext && (!run.isEnded || reopens)
        : isCurrent && isNext;
    if (mayWrite) {
      this.#verdict.holds(
        "L7",
        answer.status !== "stale",
        () => `a write that fits ${run.id} was refused as stale`,
      );
      if (isWritten) this.#accept(run, write, answer, call);
      return;
    }
    const isRepeat =
      write.claim !== null &&
      write.claim === run.claim &&
      write.commitNumber === run.commitNumber &&
      run.nextSeq === write.nextSeq + write.events.length;
    this.#verdict.holds(
      "I15",
      !isWritten || isRepeat,
      () =>
        `a write to ${run.id} was ${answer.status}: claim ${write.claim}, seq ${write.nextSeq}, number ${write.commitNumber}; ` +
        `the run has ${run.workerId === null ? "no owner" : "an owner"}, ${run.claim}, ${run.nextSeq}, ${run.commitNumber}`,
    );
    if (answer.status === "stale") {
      this.#verdict.holds(
        "L7",
        answer.mine === (isCurrent && write.claim !== null),
        () => `stale, mine ${answer.mine}: ${run.id}`,
      );
    }
  }

  #accept(
    run: ModelRun,
    write: RunWrite,
    answer: WriteAnswer,
    call: Extract<StoreCall, { method: "commit" }>,
  ): void {
    const { now } = call.answer;
    for (const event of write.events) {
      run.events.push({ event, call, claim: write.claim });
      if (event.type === "timer.fired") {
        this.#verdict.holds(
          "I17",
          event.dueAt <= now,
          () => `a timer of ${run.id}, due at ${event.dueAt}, fired at ${now}`,
        );
      }
    }
    this.#verdict.holds(
      "I17",
      write.notBefore === null || write.notBefore <= now,
      () => `${run.id} was written early`,
    );
    run.nextSeq += write.events.length;
    if (write.claim !== null) run.commitNumber = write.commitNumber;
    if (write.progress || write.leave) run.crashCount = 0;
    if (write.leave?.status === "suspended") {
      const isUnread = write.leave.readInboxSeq < run.delivered.size;
      this.#verdict.holds(
        "L8",
        (answer.status === "kept") === isUnread,
        () => `${run.id} was parked at message ${run.delivered.size}: ${answer.status}`,
      );
    }
    if (write.leave && answer.status === "accepted") {
      run.workerId = null;
      run.isEnded = ["completed", "failed", "cancelled", "continued"].includes(write.leave.status);
    }
    for (const successor of write.runs) if (!this.runs.has(successor.id)) this.#created(successor.id);
  }

  #expire(call: Extract<StoreCall, { method: "expire" }>): void {
    const current = this.#currentOf.get(call.process);
    const sweeper = current === undefined ? undefined : this.#workers.get(current);
    if (sweeper && sweeper.registeredSentAt <= call.sentAt) {
      // Clocks may run at different speeds.
      this.#verdict.holds(
        "L4",
        call.sentAt - sweeper.registeredSentAt >= this.#recording.leaseMs * 0.99,
        () => `${call.process} swept ${call.sentAt - sweeper.registeredSentAt} ms after it registered`,
      );
    }
    for (const id of call.answer.workers) {
      const worker = this.#workers.get(id);
      if (!this.#verdict.holds("L4", worker !== undefined, () => `the sweep found ${id}, which is not there`))
        continue;
      this.#verdict.holds(
        "L4",
        !isLiveAt(this.#workers.get(id), call.storeAt),
        () => `the sweep took ${id} for dead, which is live`,
      );
      worker!.isDead = true;
      if (!call.answer.more) {
        this.#freeAll(id);
        this.#workers.delete(id);
      }
    }
  }

  /** The worker's own limit: counted from before its last renewal was sent. */
  #checkOwnLimit(claim: string, call: StoreCall): void {
    const renewedSentAt = this.#renewedSentAt.get(this.#workerOfClaim.get(claim) ?? "");
    if (renewedSentAt === undefined || this.wasSetBack.has(call.process)) return;
    const ageMs = call.sentAt - renewedSentAt;
    this.#verdict.holds(
      "I16",
      ageMs <= this.#recording.leaseMs * 1.01,
      () => `${call.process} sent a write ${Math.round(ageMs)} ms after it last renewed its lease`,
    );
  }

  #freeAll(workerId: string): void {
    for (const run of this.runs.values()) if (run.workerId === workerId) run.workerId = null;
  }
}
