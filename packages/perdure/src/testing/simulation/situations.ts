/**
 * Situations that a run over many seeds must have met: where they do not occur, nothing was proved about them.
 *
 * Counted off recordings, and by the simulator for what leaves no other trace.
 */
import { decodeFailure } from "../../model/failure.ts";
import type { Recording, StoreCall } from "./recording.ts";

export const expectedSituations = [
  "store call fails-before",
  "store call fails-after",
  "store call reply-lost",
  "store call late",
  "store call slow",
  "store call in an outage",
  "hint lost",
  "the store's clock was set back",
  "the store's clock was set forward",
  "a process was paused beyond its lease",
  "a process was killed in a step",
  "a worker was stopped",
  "a worker could not begin",
  "an attempt was aborted",
  "a run was freed from a dead worker",
  "a run was claimed in the middle of a step",
  "a commit was unknown and had been written",
  "a park was kept",
  "stale, and still mine",
  "stale, and lost",
  "rejected as not due",
  "claimed hot",
  "claimed cold with a history",
  "adopted by its starter",
  "strange claims were released",
  "told of unread messages",
  "a renewal was refused",
  "a claim was refused",
  "several runs in one commit",
  "one write of several was refused",
  "a start found its run by key",
  "a start found its run by id",
  "another input under a key was refused",
  "a message was repeated",
  "terminated while owned",
  "terminated while nobody owned it",
  "retried by hand",
  "a successor was created",
  "a step was handed back",
  "a step was abandoned",
  "a step's outcome was unknown",
  "failed: CRASH_LIMIT",
  "failed: DEADLINE_EXCEEDED",
  "failed: TRANSIENT_LOST",
] as const;

export function situationsOf(recording: Recording): Map<string, number> {
  const counts = new Map<string, number>();
  const met = (what: (typeof expectedSituations)[number], isMet = true): void => {
    if (isMet) counts.set(what, (counts.get(what) ?? 0) + 1);
  };
  const lastCommit = new Map<string, string>();
  for (const call of recording.calls) ofCall(call, recording, lastCommit, met);
  for (const call of recording.clientCalls) {
    met("another input under a key was refused", call.isConflicting && call.outcome?.status === "failed");
    met("retried by hand", call.kind === "retry" && call.outcome?.status === "ok");
  }
  return counts;
}

type Met = (what: (typeof expectedSituations)[number], isMet?: boolean) => void;

function ofCall(call: StoreCall, recording: Recording, lastCommit: Map<string, string>, met: Met): void {
  switch (call.method) {
    case "expire":
      met("a run was freed from a dead worker", call.answer.freed > 0);
      break;
    case "claim":
      met("a claim was refused", !call.answer.live);
      for (const { hot, events, run } of call.answer.runs) {
        met(hot ? "claimed hot" : "claimed cold with a history", hot || events.length > 1);
        const last = recording.effects.findLast(({ runId, tick }) => runId === run.id && tick < call.tick);
        met("a run was claimed in the middle of a step", last?.kind === "begin");
      }
      break;
    case "create":
      for (const answer of call.answer) {
        met("adopted by its starter", answer.status === "created" && answer.claimed !== undefined);
        met("a start found its run by key", answer.status === "exists" && answer.by === "key");
        met("a start found its run by id", answer.status === "exists" && answer.by === "id");
      }
      break;
    case "renew":
      met("a renewal was refused", !call.answer.live);
      met("told of unread messages", call.answer.live && call.answer.unread.length > 0);
      break;
    case "release":
      met("strange claims were released");
      break;
    case "deliver":
      met("a message was repeated", call.answer.includes("repeated"));
      break;
    case "commit":
      ofCommit(call, lastCommit, met);
      break;
    default:
      break;
  }
}

function ofCommit(
  call: Extract<StoreCall, { method: "commit" }>,
  lastCommit: Map<string, string>,
  met: Met,
): void {
  const { answers } = call.answer;
  met("several runs in one commit", answers.length > 1);
  met(
    "one write of several was refused",
    answers.some(({ status }) => status === "stale") && answers.some(({ status }) => status === "accepted"),
  );
  call.request.forEach((write, index) => {
    const answer = answers[index]!;
    met("a park was kept", answer.status === "kept");
    met("rejected as not due", answer.status === "rejected");
    if (answer.status === "stale") met(answer.mine ? "stale, and still mine" : "stale, and lost");
    if (answer.status !== "accepted" && answer.status !== "kept") return;
    const key = `${write.claim} ${write.commitNumber}`;
    met(
      "a commit was unknown and had been written",
      write.claim !== null && lastCommit.get(write.runId) === key,
    );
    lastCommit.set(write.runId, key);
    met("a successor was created", write.runs.length > 0);
    for (const event of write.events) {
      met("a step was handed back", event.type === "step.handed-back");
      met("a step was abandoned", event.type === "step.abandoned");
      if (event.type === "step.failed") {
        met("a step's outcome was unknown", event.payload.includes("OutcomeUnknownError"));
      }
      if (event.type === "run.cancelled")
        met(write.claim === null ? "terminated while nobody owned it" : "terminated while owned");
      if (event.type !== "run.failed") continue;
      const code = String(decodeFailure(event.payload).fields?.["code"]);
      if (["CRASH_LIMIT", "DEADLINE_EXCEEDED", "TRANSIENT_LOST"].includes(code))
        met(`failed: ${code as "CRASH_LIMIT"}`);
    }
  });
}
