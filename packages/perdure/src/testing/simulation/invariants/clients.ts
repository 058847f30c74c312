/**
 * What clients were told, held against the store.
 *
 * I6  A start that was answered exists.
 * I7  One key, one run; another input under it is refused.
 * I25 After a termination was answered, the run ends within moments.
 * I34 What was stored reads back equal (by the oracle, for every result).
 * I36 A run that was seen ended stays so, unless it was retried.
 * L31 Nobody is told of an end before it was recorded.
 */
import { isDeepStrictEqual } from "node:util";
import { isRunEnd } from "../../../model/event.ts";
import { decodePayload } from "../../../model/payload.ts";
import { isEnded, type RunStatus } from "../../../model/run.ts";
import type { ClientCall, Recording } from "../recording.ts";
import type { OwnershipModel } from "./ownership.ts";
import type { Verdict } from "./verdict.ts";

export function checkClients(recording: Recording, model: OwnershipModel, verdict: Verdict): void {
  const last = recording.dumps.at(-1);
  if (!last) return;
  const runs = new Map(last.runs.map((run) => [run.id, run]));
  const runOfKey = new Map<string, string>();
  for (const call of recording.clientCalls) {
    if (call.kind === "start") checkStart(call, runs.has(call.runId ?? ""), runOfKey, verdict);
    if (call.kind === "result") checkResult(call, recording, model, verdict);
    if (call.kind === "terminate") checkTermination(call, recording, model, verdict);
  }
  checkStatuses(recording, model, verdict);
  const roots = new Map<string, number>();
  for (const run of last.runs) {
    if (run.predecessorId !== null) continue;
    const program = programOf(last.histories.get(run.id)?.[0]?.payload ?? "null");
    roots.set(program, (roots.get(program) ?? 0) + 1);
  }
  for (const [program, count] of roots)
    verdict.holds("I7", count === 1, () => `program ${program} was started ${count} times`);
}

function programOf(payload: string): string {
  return (decodePayload(payload) as { program?: { id?: string } } | null)?.program?.id ?? "unknown";
}

function checkStart(
  call: ClientCall,
  exists: boolean,
  runOfKey: Map<string, string>,
  verdict: Verdict,
): void {
  const { outcome, runId, key } = call;
  if (call.isConflicting) {
    verdict.holds(
      "I7",
      outcome?.status !== "ok",
      () => `another input under the key ${key} was answered with run ${runId}`,
    );
    return;
  }
  if (outcome?.status === "failed") {
    verdict.holds("I6", false, () => `a start of ${key} was refused: ${outcome.message}`);
  }
  if (outcome?.status !== "ok" || runId === null) return;
  verdict.holds("I6", exists, () => `the start of ${key} was answered with ${runId}, which is not there`);
  const known = runOfKey.get(key!) ?? runId;
  verdict.holds("I7", known === runId, () => `starts of ${key} were answered with ${known} and ${runId}`);
  runOfKey.set(key!, known);
}

function checkResult(call: ClientCall, recording: Recording, model: OwnershipModel, verdict: Verdict): void {
  const { outcome, endTick, runId } = call;
  if (!outcome || outcome.status === "unknown" || endTick === null) return;
  const chain = chainFrom(runId!, recording);
  const ends = chain.flatMap((id) =>
    (model.runs.get(id)?.events ?? []).filter(
      ({ event, call: commit }) => isRunEnd(event.type) && commit.tick < endTick,
    ),
  );
  verdict.holds(
    "L31",
    ends.length > 0,
    () => `a client was told how ${runId} ended before that was recorded`,
  );
  const fits = ends.some(({ event }) => {
    if (outcome.status === "failed") return event.type === "run.failed" || event.type === "run.cancelled";
    return event.type === "run.completed" && isDeepStrictEqual(decodePayload(event.payload), outcome.value);
  });
  verdict.holds("I34", fits, () => `a client was given another result of ${runId} than the one recorded`);
}

function chainFrom(runId: string, recording: Recording): string[] {
  const runs = new Map(recording.dumps.at(-1)!.runs.map((run) => [run.id, run]));
  const chain: string[] = [];
  for (
    let id: string | null = runId;
    id !== null && !chain.includes(id);
    id = runs.get(id)?.successorId ?? null
  )
    chain.push(id);
  return chain;
}

function checkTermination(
  call: ClientCall,
  recording: Recording,
  model: OwnershipModel,
  verdict: Verdict,
): void {
  if (call.outcome?.status !== "ok" || call.endAt === null) return;
  const run = model.runs.get(call.runId!);
  const isOver = run?.events.some(
    ({ event, call: commit }) => isRunEnd(event.type) && commit.tick < call.endTick!,
  );
  if (call.outcome.value === false) {
    verdict.holds(
      "I25",
      isOver === true,
      () => `${call.runId} was said to have ended before its termination`,
    );
    return;
  }
  // A heartbeat, a sweep and a claim after the faults; a worker that died holds it for a lease, and a full one for a while.
  const boundAt = Math.max(call.endAt, recording.healedAt + 4 * recording.leaseMs) + 8 * recording.leaseMs;
  const end = run?.events.find(({ event, call: commit }) => isRunEnd(event.type) && commit.tick > call.tick);
  const endAt = isOver ? 0 : (end?.call.at ?? recording.endedAt);
  verdict.holds(
    "I25",
    endAt <= boundAt,
    () => `${call.runId} was terminated at ${call.endAt} and ended at ${endAt}`,
  );
}

function checkStatuses(recording: Recording, model: OwnershipModel, verdict: Verdict): void {
  const seen = new Map<string, ClientCall>();
  for (const call of recording.clientCalls) {
    if (call.kind !== "status" || call.outcome?.status !== "ok") continue;
    const id = `${call.client} ${call.runId}`;
    const before = seen.get(id);
    seen.set(id, call);
    if (!before || !isEnded((before.outcome as { value: RunStatus }).value) || before.endTick! > call.tick)
      continue;
    const status = (call.outcome as { value: RunStatus }).value;
    const wasRewound = model.runs.get(call.runId!)?.events.some(({ event }) => event.type === "run.rewound");
    verdict.holds(
      "I36",
      isEnded(status) || wasRewound === true,
      () => `${call.runId} had ended, and is ${status}`,
    );
  }
}
