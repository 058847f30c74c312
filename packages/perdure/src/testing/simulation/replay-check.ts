/** I31: the final history, replayed twice from nothing, asks for the same operations and comes to the recorded end. */
import { decodeEvent, isRunEnd, type Event } from "../../model/event.ts";
import { effectiveHistory } from "../../model/history.ts";
import { decodePayload, encodePayload } from "../../model/payload.ts";
import { Execution } from "../../replay/execution.ts";
import { replay } from "../../replay/replay.ts";
import type { Recording } from "./recording.ts";
import { simulatedWorkflows } from "./interpreter.ts";
import { macrotask } from "./scheduler.ts";
import type { Verdict } from "./invariants/verdict.ts";

export async function checkReplays(recording: Recording, verdict: Verdict): Promise<void> {
  const last = recording.dumps.at(-1);
  for (const run of last?.runs ?? []) {
    const history = (last!.histories.get(run.id) ?? []).map(decodeEvent);
    const [created] = history;
    if (created?.type !== "run.created" || created.transient || history.length < 3) continue;
    if (!history.some((event) => "op" in event)) continue;
    const first = await replayOnce(run.id, history).catch(broken);
    const second = await replayOnce(run.id, history).catch(broken);
    verdict.holds("I31", first.trouble === null, () => `${run.id} does not replay: ${first.trouble}`);
    verdict.holds("I31", first.text === second.text, () => `two replays of ${run.id} differ`);
    const end = history.at(-1)!;
    if (end.type !== "run.completed") continue;
    verdict.holds(
      "I31",
      first.output === end.payload,
      () => `${run.id} replays to another output than it had`,
    );
  }
}

interface Replayed {
  text: string;
  output: string | null;
  trouble: string | null;
}

/** A history that nobody could have written. */
function broken(error: unknown): Replayed {
  return { text: "", output: null, trouble: String(error) };
}

async function replayOnce(runId: string, history: Event[]): Promise<Replayed> {
  const created = history[0] as Extract<Event, { type: "run.created" }>;
  const spec = Object.values(simulatedWorkflows()).find(
    ({ workflowName }) => workflowName === created.workflow,
  )!.spec;
  const input = decodePayload(created.payload);
  const execution = new Execution({ runId, spec, input, seed: created.seed ?? runId });
  const asked: string[] = [];
  const perform = execution.perform.bind(execution);
  execution.perform = (request) => {
    asked.push(`${request.kind} ${request.name}`);
    return perform(request);
  };
  // Its own end is what it comes to, and no event that it is given.
  const { events } = effectiveHistory(history);
  // An order to end is not for the code, which need not even have begun.
  const given = events.filter(({ type }) => !isRunEnd(type) && type !== "message.received");
  const steps = replay(execution, given, created.at);
  let step = steps.next();
  for (; !step.done; step = steps.next()) await macrotask();
  const { rest, trouble } = step.value;
  execution.drop();
  const output = rest.outcome?.status === "returned" ? encodePayload(rest.outcome.value, "The output") : null;
  return { text: `${asked.join("\n")}\n${output ?? ""}`, output, trouble: trouble?.message ?? null };
}
