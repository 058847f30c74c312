/**
 * How runs ended, held against the oracle; and that they ended.
 *
 * I28 After the faults everything comes to its end.
 * I29 A dead letter names its reason, and has one.
 * I34 A result is what the steps returned.
 * L26 Nothing is held: replay fits, and nothing foreign was awaited.
 * L27 Nothing of the engine's own goes wrong.
 */
import { decodeEvent, type Event } from "../../../model/event.ts";
import { decodeFailure } from "../../../model/failure.ts";
import { decodePayload } from "../../../model/payload.ts";
import { isEnded, type RunRecord } from "../../../model/run.ts";
import { nameThrown } from "../interpreter.ts";
import { Oracle } from "../oracle.ts";
import type { Program } from "../programs.ts";
import type { Recording } from "../recording.ts";
import type { ModelRun } from "./model-run.ts";
import type { OwnershipModel } from "./ownership.ts";
import type { Verdict } from "./verdict.ts";

export function checkResults(recording: Recording, model: OwnershipModel, verdict: Verdict): void {
  verdict.holds(
    "I28",
    !recording.isStuck,
    () => "the world went round without time passing: something waits without a pause",
  );
  verdict.holds("I28", recording.areClientsDone, () => "a client did not come to the end of what it wanted");
  for (const { process, text } of recording.alarms) verdict.holds("L27", false, () => `${process}: ${text}`);
  for (const call of recording.calls) {
    if (call.method !== "commit") continue;
    for (const { runId, leave } of call.request) {
      verdict.holds("L26", leave?.status !== "held", () => `${runId} was held: ${JSON.stringify(leave)}`);
    }
  }
  const last = recording.dumps.at(-1);
  if (!last) return;
  for (const run of last.runs) {
    const events = (last.histories.get(run.id) ?? []).map(decodeEvent);
    if (
      !verdict.holds(
        "I28",
        isEnded(run.status),
        () =>
          `${run.id} is ${run.status} ${Math.round(recording.endedAt - recording.healedAt)} ms after the faults`,
      )
    )
      continue;
    checkEnd(run, events, recording, model.runs.get(run.id), verdict);
  }
}

function checkEnd(
  run: RunRecord,
  events: Event[],
  recording: Recording,
  model: ModelRun | undefined,
  verdict: Verdict,
): void {
  const created = events[0];
  if (created?.type !== "run.created") return;
  const { program } = decodePayload(created.payload) as { program: Program };
  const end = events.at(-1)!;
  const ordinal = (recording.runsOfProgram.get(program.id) ?? []).indexOf(run.id) + 1 || 1;
  const oracle = new Oracle(program, {
    wasDisturbed: recording.disturbances.length > 0,
    wasRewound: events.some(({ type }) => type === "run.rewound"),
    ordinal,
  });
  if (end.type === "run.completed") {
    const value = decodePayload(end.payload);
    verdict.holds(
      "I34",
      oracle.allowsValue(value),
      () => `${run.id} completed with ${describe(value)}, which its program cannot`,
    );
  } else if (end.type === "run.cancelled") {
    const wasAsked = recording.clientCalls.some(
      ({ kind, runId }) => kind === "terminate" && runId === run.id,
    );
    verdict.holds("I25", wasAsked, () => `${run.id} was cancelled, and nobody asked for it`);
  } else if (end.type === "run.failed") {
    const failure = decodeFailure(end.payload);
    const code = failure.name === "PerdureError" ? String(failure.fields?.["code"]) : null;
    if (code !== null) {
      const excuse = excuseFor(code, run, end, program, recording, model);
      verdict.holds("I29", excuse, () => `${run.id} failed with ${failure.message}, and there was no reason`);
      return;
    }
    const thrown = nameThrown(Object.assign(new Error(failure.message), { name: failure.name }));
    verdict.holds(
      "I34",
      oracle.allowsThrown(thrown),
      () => `${run.id} failed with "${thrown}", which its program cannot`,
    );
  }
}

function excuseFor(
  code: string,
  run: RunRecord,
  end: Event,
  program: Program,
  recording: Recording,
  model: ModelRun | undefined,
): boolean {
  switch (code) {
    case "DEADLINE_EXCEEDED":
      // The owner's estimate of store time may be ahead by what the clocks' speeds differ in.
      return program.deadlineMs !== null && run.deadlineAt !== null && end.at >= run.deadlineAt - 5;
    case "TRANSIENT_LOST":
      return program.workflow === "transient" && (model?.claims.length ?? 0) > 1;
    case "CRASH_LIMIT":
      return crashesBefore(run, recording) >= recording.crashLimit;
    default:
      return false;
  }
}

/** Claims in a row that came to nothing, at the most, and that nobody gave back. */
function crashesBefore(run: RunRecord, recording: Recording): number {
  let most = 0;
  let count = 0;
  for (const call of recording.calls) {
    if (call.method === "claim" && call.answer.runs.some((claimed) => claimed.run.id === run.id)) {
      most = Math.max(most, count);
      count++;
    } else if (call.method === "create") {
      if (call.answer.some((answer) => answer.status === "created" && answer.claimed?.run.id === run.id))
        count++;
    } else if (call.method === "commit") {
      call.request.forEach((write, index) => {
        const { status } = call.answer.answers[index]!;
        const isWritten = status === "accepted" || status === "kept";
        if (write.runId === run.id && isWritten && (write.progress || write.leave)) count = 0;
      });
    } else if (call.method === "release" && call.request.some(({ runId }) => runId === run.id)) {
      count = Math.max(0, count - 1);
    }
  }
  return most;
}

function describe(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 400);
  } catch {
    return String(value);
  }
}
