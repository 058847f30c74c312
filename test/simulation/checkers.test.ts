/** Each checker is shown a recording of a real world that was broken by hand, and must say so. */
import assert from "node:assert/strict";
import { test } from "vitest";
import { checkRecording } from "../../packages/perdure/src/testing/simulation/check.ts";
import type { Recording, StoreCall } from "../../packages/perdure/src/testing/simulation/recording.ts";
import { simulate } from "../../packages/perdure/src/testing/simulation/simulate.ts";
import { createMemoryStore } from "../../packages/perdure/src/stores/memory/memory-store.ts";

type CallOf<M extends StoreCall["method"]> = Extract<StoreCall, { method: M }>;

/** Breaks a recording; false when it has nothing to break. */
type Break = (recording: Recording) => boolean;

function calls<M extends StoreCall["method"]>(recording: Recording, method: M): CallOf<M>[] {
  return recording.calls.filter((call): call is CallOf<M> => call.method === method);
}

/** Applies `change` to the first that it accepts. */
function first<T>(items: readonly T[], change: (item: T) => boolean): boolean {
  return items.some(change);
}

const last = (recording: Recording) => recording.dumps.at(-1)!;

/** Changes the last history that has what is looked for. */
function inHistory(
  type: string,
  change: (events: { seq: number; type: string; at: number }[], index: number) => void,
): Break {
  return (recording) =>
    first([...last(recording).histories.values()], (events) => {
      const index = events.findIndex((event) => event.type === type);
      if (index < 0) return false;
      change(events, index);
      return true;
    });
}

const accepted = (
  recording: Recording,
  test: (write: CallOf<"commit">["request"][number]) => boolean,
  change: (call: CallOf<"commit">, index: number) => void,
): boolean =>
  first(calls(recording, "commit"), (call) => {
    const index = call.request.findIndex(
      (write, at) => call.answer.answers[at]!.status === "accepted" && test(write),
    );
    if (index < 0) return false;
    change(call, index);
    return true;
  });

const broken: [invariant: string, name: string, apply: Break][] = [
  ["I1", "a number is left out", inHistory("step.completed", (events, index) => (events[index]!.seq += 1))],
  [
    "I1",
    "a time goes back",
    inHistory("step.completed", (events, index) => (events[index]!.at -= 1_000_000)),
  ],
  ["I2", "the creation is missing", inHistory("run.created", (events) => events.shift())],
  [
    "I2",
    "something follows the end",
    inHistory("run.completed", (events, index) => events.splice(index, 0, { ...events[index]! })),
  ],
  [
    "I3",
    "the row has another status",
    (recording) =>
      first(last(recording).runs, (run) => run.status === "completed" && ((run.status = "failed"), true)),
  ],
  [
    "I3",
    "the row has another number",
    (recording) => first(last(recording).runs, (run) => ((run.nextSeq += 1), true)),
  ],
  [
    "I3",
    "the row names another successor",
    (recording) =>
      first(
        last(recording).runs,
        (run) => run.status === "completed" && ((run.successorId = "nobody"), true),
      ),
  ],
  [
    "I4",
    "an outcome is there twice",
    inHistory("step.completed", (events, index) => events.splice(index, 0, events[index]!)),
  ],
  ["I4", "an outcome has no start", inHistory("step.started", (events, index) => events.splice(index, 1))],
  [
    "I5",
    "an event was changed",
    (recording) =>
      recording.dumps.length > 1 &&
      inHistory("run.created", (events, index) => (events[index]!.at += 1))(recording),
  ],
  [
    "I6",
    "a started run is missing",
    (recording) =>
      first(
        recording.clientCalls,
        (call) => call.kind === "start" && call.outcome?.status === "ok" && ((call.runId = "nobody"), true),
      ),
  ],
  [
    "I7",
    "one key has two runs",
    (recording) => {
      const starts = recording.clientCalls.filter(
        ({ kind, outcome, isConflicting }) => kind === "start" && outcome?.status === "ok" && !isConflicting,
      );
      const other = starts.find(({ key }) => key !== starts[0]?.key);
      return other !== undefined && ((other.key = starts[0]!.key), true);
    },
  ],
  [
    "I7",
    "a run is created twice",
    (recording) =>
      first(
        calls(recording, "create"),
        (call) =>
          call.answer[0]?.status === "created" &&
          (recording.calls.splice(recording.calls.indexOf(call), 0, call), true),
      ),
  ],
  [
    "I9",
    "a step begins after its outcome",
    (recording) =>
      first(
        recording.effects.filter(({ kind, isTransient }) => kind === "begin" && !isTransient),
        (effect) => (recording.effects.push({ ...effect, tick: 1e9, process: "late" }), true),
      ),
  ],
  [
    "I10",
    "a success was none",
    (recording) =>
      first(
        recording.effects,
        (effect) => effect.outcome === "ok" && !effect.isTransient && ((effect.outcome = "failed"), true),
      ),
  ],
  [
    "I11",
    "a step ran too often",
    (recording) =>
      first(
        recording.effects.filter(({ kind, isTransient }) => kind === "begin" && !isTransient),
        (effect) => (recording.effects.push(...Array.from({ length: 30 }, () => ({ ...effect }))), true),
      ),
  ],
  [
    "I12",
    "two attempts overlap",
    (recording) => {
      recording.disturbances = [];
      return first(recording.effects, (effect) => {
        const index = recording.effects.indexOf(effect);
        if (effect.kind !== "begin" || recording.effects[index + 1]?.process !== effect.process) return false;
        if (recording.effects[index + 1]!.kind !== "end") return false;
        recording.effects.splice(index + 1, 0, { ...effect, process: "other" });
        return true;
      });
    },
  ],
  [
    "I13",
    "a once step runs again",
    (recording) =>
      first(
        recording.effects,
        (effect) =>
          effect.kind === "end" &&
          effect.outcome === "ok" &&
          effect.isOnce &&
          (recording.effects.push({ ...effect, kind: "begin", tick: 1e9, attempt: 9 }), true),
      ),
  ],
  [
    "I14",
    "a key belongs to two runs",
    (recording) =>
      first(recording.effects, (effect) => (recording.effects.push({ ...effect, runId: "nobody" }), true)),
  ],
  [
    "I15",
    "a write under an old claim is taken",
    (recording) =>
      accepted(
        recording,
        ({ claim }) => claim !== null,
        (call, index) => ((call.request[index] as { claim: string }).claim = "old"),
      ),
  ],
  [
    "I15",
    "a write at an old place is taken",
    (recording) =>
      accepted(
        recording,
        ({ claim, events }) => claim !== null && events.length > 0,
        (call, index) => ((call.request[index] as { nextSeq: number }).nextSeq -= 1),
      ),
  ],
  [
    "I15",
    "a run is claimed from its owner",
    (recording) =>
      first(
        calls(recording, "claim"),
        (call) =>
          call.answer.runs.length > 0 &&
          (recording.calls.splice(recording.calls.indexOf(call), 0, call), true),
      ),
  ],
  [
    "I15",
    "an accepted event is missing",
    inHistory("step.completed", (events, index) => events.splice(index, 1)),
  ],
  [
    "I16",
    "a worker claims without a lease",
    (recording) =>
      first(
        calls(recording, "register"),
        (call) => (recording.calls.splice(recording.calls.indexOf(call), 1), true),
      ),
  ],
  [
    "I16",
    "a step begins without a lease",
    (recording) =>
      first(
        recording.effects,
        (effect) => effect.kind === "begin" && !effect.isTransient && ((effect.at += 1e6), true),
      ),
  ],
  [
    "I17",
    "a timer fires early",
    (recording) =>
      accepted(
        recording,
        ({ events }) => events.some(({ type }) => type === "timer.fired"),
        (call) => ((call.answer as { now: number }).now -= 1e6),
      ),
  ],
  [
    "I20",
    "a message is delivered twice",
    (recording) =>
      first(
        calls(recording, "deliver"),
        (call) =>
          call.answer[0] === "delivered" &&
          (recording.calls.splice(recording.calls.indexOf(call), 0, call), true),
      ),
  ],
  [
    "I25",
    "a run is cancelled unasked",
    (recording) =>
      first(
        [...last(recording).histories],
        ([id, events]) =>
          events.at(-1)!.type === "run.cancelled" &&
          ((recording.clientCalls = recording.clientCalls.filter((call) => call.runId !== id)), true),
      ),
  ],
  [
    "I26",
    "an ended run has an owner",
    (recording) =>
      first(last(recording).runs, (run) => run.status === "completed" && ((run.workerId = "somebody"), true)),
  ],
  [
    "I27",
    "an open run has no reason to move",
    (recording) =>
      first(
        recording.dumps.flatMap(({ runs }) => runs),
        (run) => run.status === "suspended" && run.workerId === null && ((run.wakeAt = null), true),
      ),
  ],
  [
    "I27",
    "an owner is not there",
    (recording) =>
      first(
        recording.dumps,
        (dump) => dump.runs.some(({ workerId }) => workerId !== null) && ((dump.workers = []), true),
      ),
  ],
  [
    "I28",
    "a run does not end",
    (recording) =>
      first(last(recording).runs, (run) => run.status === "completed" && ((run.status = "running"), true)),
  ],
  ["I28", "the world goes round", (recording) => (recording.isStuck = true)],
  [
    "I29",
    "a run failed without a reason",
    (recording) =>
      first(
        [...last(recording).histories.values()],
        (events) =>
          events.at(-1)!.type === "run.failed" &&
          ((events.at(-1)!.payload = JSON.stringify({
            name: "PerdureError",
            message: "CRASH_LIMIT: no",
            fields: { code: "CRASH_LIMIT" },
          })),
          true),
      ),
  ],
  [
    "I34",
    "a result is another one",
    (recording) =>
      first(
        [...last(recording).histories.values()],
        (events) => events.at(-1)!.type === "run.completed" && ((events.at(-1)!.payload = '"wrong"'), true),
      ),
  ],
  [
    "I36",
    "an ended run is seen open",
    (recording) =>
      first(recording.clientCalls, (call) => {
        if (call.kind !== "status" || call.outcome?.status !== "ok" || call.outcome.value !== "completed")
          return false;
        recording.clientCalls.push({
          ...call,
          tick: 1e9,
          endTick: 1e9 + 1,
          outcome: { status: "ok", value: "running" },
        });
        return true;
      }),
  ],
  [
    "L1",
    "a dead worker is renewed",
    (recording) =>
      first(
        calls(recording, "expire"),
        (call) =>
          call.answer.workers.length > 0 &&
          (recording.calls.push({
            ...calls(recording, "renew").at(-1)!,
            request: { workerId: call.answer.workers[0]!, claims: [] },
            answer: { live: true, now: 0, leaseUntil: 0, strange: [], unread: [] },
          }),
          true),
      ),
  ],
  [
    "L2",
    "a strange claim is not told",
    (recording) =>
      first(
        calls(recording, "renew"),
        (call) => call.request.claims.length > 0 && ((call.request.claims = []), true),
      ),
  ],
  [
    "L4",
    "a live worker is swept",
    (recording) =>
      first(calls(recording, "expire"), (call) =>
        first(
          calls(recording, "renew"),
          (renew) =>
            renew.tick > call.tick &&
            renew.answer.live &&
            (call.answer.workers.push(renew.request.workerId), true),
        ),
      ),
  ],
  [
    "L6",
    "a crash is not counted",
    (recording) =>
      first(
        calls(recording, "claim"),
        (call) => call.answer.runs.length > 0 && ((call.answer.runs[0]!.run.crashCount += 3), true),
      ),
  ],
  [
    "L7",
    "a write that fits is refused",
    (recording) =>
      accepted(
        recording,
        ({ claim }) => claim !== null,
        (call, index) => (call.answer.answers[index] = { status: "stale", mine: true }),
      ),
  ],
  [
    "L11",
    "a claim lacks an event",
    (recording) =>
      first(
        calls(recording, "claim"),
        (call) => (call.answer.runs[0]?.events.length ?? 0) > 0 && (call.answer.runs[0]!.events.pop(), true),
      ),
  ],
  [
    "L26",
    "a run is held",
    (recording) =>
      accepted(
        recording,
        ({ leave }) => leave !== null,
        (call, index) =>
          ((call.request[index] as { leave: unknown }).leave = {
            status: "held",
            wakeAfterMs: 1,
            waitingFor: { kind: "queue", queue: "q" },
          }),
      ),
  ],
  [
    "L27",
    "the engine reports an error",
    (recording) => recording.alarms.push({ tick: 1, process: "p", text: "broken" }) > 0,
  ],
  [
    "L31",
    "a step begins before its start is written",
    (recording) =>
      first(
        recording.effects,
        (effect) => effect.kind === "begin" && !effect.isTransient && ((effect.tick = 0), true),
      ),
  ],
  [
    "L31",
    "an end is told before it is written",
    (recording) =>
      first(
        recording.clientCalls,
        (call) => call.kind === "result" && call.outcome?.status === "ok" && ((call.endTick = 0), true),
      ),
  ],
];

const recordings: Recording[] = [];

/** A world that nobody has broken so far. */
async function record(index: number): Promise<Recording> {
  const openStore: Parameters<typeof simulate>[0]["openStore"] = async (clock) =>
    createMemoryStore({ clock });
  return (recordings[index] ??= (await simulate({ seed: index + 1, openStore })).recording);
}

for (const [invariant, name, apply] of broken) {
  test(`${invariant} notices: ${name}`, { timeout: 60_000 }, async () => {
    for (let index = 0; index < 60; index++) {
      const recording = structuredClone(await record(index));
      if (!apply(recording)) continue;
      const found = checkRecording(recording).violations.map((violation) => violation.invariant);
      if (found.includes(invariant)) return;
    }
    assert.fail("no world in which it was noticed");
  });
}

test("worlds that nobody broke have no violation", { timeout: 60_000 }, async () => {
  for (let index = 0; index < 10; index++)
    assert.deepEqual(checkRecording(await record(index)).violations, []);
});
