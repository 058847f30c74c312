/**
 * What steps did, held against what was recorded of them.
 *
 * L31 A step's function begins only after its start was recorded.
 * I9  No attempt begins after the step's outcome was recorded.
 * I10 Every recorded success was one.
 * I11 Attempts are no more than the policy and the losses explain.
 * I12 Two attempts of a step overlap only when the first one's worker was cut off.
 * I13 A `once` step runs again only after it has failed for sure.
 * I14 The idempotency key belongs to the step, over all its attempts.
 */
import type { Disturbance, Effect, Recording } from "../recording.ts";
import type { ModelRun } from "./model-run.ts";
import type { OwnershipModel } from "./ownership.ts";
import type { Verdict } from "./verdict.ts";

export function checkEffects(recording: Recording, model: OwnershipModel, verdict: Verdict): void {
  const byStep = new Map<string, Effect[]>();
  for (const effect of recording.effects) {
    const id = effect.key;
    byStep.set(id, [...(byStep.get(id) ?? []), effect]);
  }
  const cutOff = new CutOff(recording);
  for (const effect of recording.effects)
    if (effect.kind === "begin") checkLease(effect, recording, model, verdict);
  for (const [id, effects] of byStep) {
    const [first] = effects;
    const run = model.runs.get(first!.runId);
    if (
      !verdict.holds(
        "I10",
        run !== undefined,
        () => `a step of ${first!.runId} ran, and nobody created that run`,
      )
    )
      continue;
    checkKey(effects, verdict);
    checkOverlaps(id, effects, cutOff, verdict);
    if (first!.isTransient) continue;
    checkBegins(run!, effects, cutOff, verdict);
    if (first!.isOnce) checkOnce(run!, effects, verdict);
  }
  for (const run of model.runs.values()) checkSuccesses(run, byStep, verdict);
}

/** When a process could not know that it had lost its runs. */
class CutOff {
  readonly #byProcess = new Map<string, Disturbance[]>();
  readonly #everywhere: Disturbance[] = [];
  readonly #slackMs: number;

  constructor({ disturbances, leaseMs }: Recording) {
    this.#slackMs = 3 * leaseMs;
    for (const disturbance of disturbances) {
      const { process, kind } = disturbance;
      if (kind === "kill" || kind === "stop") continue;
      if (process === null) this.#everywhere.push(disturbance);
      else this.#byProcess.set(process, [...(this.#byProcess.get(process) ?? []), disturbance]);
    }
  }

  was(process: string, fromAt: number, toAt: number): boolean {
    const near = ({ at, untilAt }: Disturbance): boolean => at <= toAt && untilAt + this.#slackMs >= fromAt;
    return this.#everywhere.some(near) || (this.#byProcess.get(process) ?? []).some(near);
  }

  /** A lease of the store that ended early, because its clock was set forward. */
  hasClockSteps(): boolean {
    return this.#everywhere.some(({ kind }) => kind === "store-clock");
  }
}

/** Past its own limit a worker begins nothing more: another may have the run. */
function checkLease(begin: Effect, { leaseMs }: Recording, model: OwnershipModel, verdict: Verdict): void {
  // A transient run writes nothing before its steps, so that nobody notices; it ends as lost all the same.
  if (begin.isTransient || model.wasSetBack.has(begin.process)) return;
  const renewals = (model.renewals.get(begin.process) ?? []).filter(({ tick }) => tick < begin.tick);
  const ageMs = begin.at - Math.max(...renewals.map(({ sentAt }) => sentAt));
  verdict.holds(
    "I16",
    ageMs <= leaseMs * 1.01,
    () => `${begin.process} began ${begin.key} ${Math.round(ageMs)} ms after it last renewed its lease`,
  );
}

/** The key names the run, the operation and the step; a rewound run may ask for another step under the same number. */
function checkKey(effects: Effect[], verdict: Verdict): void {
  for (const { key, runId, step } of effects) {
    const [first] = effects;
    verdict.holds(
      "I14",
      key.startsWith(`${runId}/`) && runId === first!.runId && step === first!.step,
      () =>
        `the idempotency key ${key} belongs to step ${step} of ${runId} and to ${first!.step} of ${first!.runId}`,
    );
  }
}

function checkBegins(run: ModelRun, effects: Effect[], cutOff: CutOff, verdict: Verdict): void {
  const { op, step } = effects[0]!;
  const begins = effects.filter(({ kind }) => kind === "begin");
  for (const begin of begins) {
    const earlier = run.events.filter(({ call }) => call.tick < begin.tick);
    verdict.holds(
      "L31",
      earlier.some(
        ({ event }) =>
          event.type === "step.started" &&
          event.op === op &&
          event.name === step &&
          event.attempt === begin.attempt,
      ),
      () => `attempt ${begin.attempt} of operation ${op} of ${run.id} began before its start was recorded`,
    );
    if (cutOff.hasClockSteps()) continue;
    const outcome = earlier.findLast(
      ({ event }) =>
        event.type === "run.rewound" ||
        (event.type === "step.completed" && event.op === op) ||
        (event.type === "step.failed" && event.op === op && event.retryAt === undefined),
    );
    verdict.holds(
      "I9",
      outcome === undefined || outcome.event.type === "run.rewound",
      () => `attempt ${begin.attempt} of operation ${op} of ${run.id} began after its outcome was recorded`,
    );
  }
  const rewinds = run.events.filter(({ event }) => event.type === "run.rewound").length;
  const losses = run.claims.length - 1 + run.reloads;
  const allowed = (effects[0]!.maxAttempts + 1) * (rewinds + 1) + losses;
  verdict.holds(
    "I11",
    begins.length <= allowed,
    () => `operation ${op} of ${run.id} began ${begins.length} times, ${allowed} are explained`,
  );
}

function checkSuccesses(run: ModelRun, byStep: Map<string, Effect[]>, verdict: Verdict): void {
  const names = new Map<number, string>();
  for (const { event, call } of run.events) {
    if (event.type === "step.started") names.set(event.op, event.name);
    if (event.type !== "step.completed") continue;
    const effects = byStep.get(`${run.id}/${event.op}/${names.get(event.op)}`);
    // Echoes are steps without a journal.
    if (names.get(event.op)?.startsWith("echo-")) continue;
    verdict.holds(
      "I10",
      effects?.some(({ kind, outcome, tick }) => kind === "end" && outcome === "ok" && tick < call.tick) ===
        true,
      () => `operation ${event.op} of ${run.id} was recorded as completed, and it was not`,
    );
  }
}

function checkOverlaps(id: string, effects: Effect[], cutOff: CutOff, verdict: Verdict): void {
  let open: Effect | null = null;
  for (const effect of effects) {
    if (effect.kind !== "begin") {
      if (open?.process === effect.process) open = null;
      continue;
    }
    const before = open;
    if (before && before.process !== effect.process) {
      verdict.holds(
        "I12",
        cutOff.was(before.process, before.at, effect.at) || wasLost(before, effects),
        () => `two attempts of ${id} overlap, and ${before.process} was not cut off`,
      );
    }
    open = effect;
  }
}

/** It never came to an end: its process was killed. */
function wasLost(begin: Effect, effects: Effect[]): boolean {
  return !effects.some(
    ({ kind, process, tick }) => kind !== "begin" && process === begin.process && tick > begin.tick,
  );
}

/** Within one life of its run: rewinding by hand takes back what came after, once steps not excepted. */
function checkOnce(run: ModelRun, effects: Effect[], verdict: Verdict): void {
  const rewoundAt = run.events
    .filter(({ event }) => event.type === "run.rewound")
    .map(({ call }) => call.tick);
  const begins = effects.filter(({ kind }) => kind === "begin");
  begins.slice(1).forEach((begin, index) => {
    const before = begins[index]!;
    if (rewoundAt.some((tick) => tick > before.tick && tick < begin.tick)) return;
    const hasFailed = effects.some(
      (effect) =>
        effect.kind === "end" &&
        effect.outcome === "failed" &&
        effect.attempt === before.attempt &&
        effect.process === before.process &&
        effect.tick < begin.tick,
    );
    verdict.holds(
      "I13",
      begin.attempt > before.attempt && hasFailed,
      () =>
        `the once step ${begin.key} began again (attempt ${begin.attempt}) after attempt ${before.attempt}, which had not failed`,
    );
  });
}
