/** Histories handed to code again: without an engine, and as runs that a worker finds in its store. */
import type { Event, NewEvent } from "../../../packages/perdure/src/model/event.ts";
import { effectiveHistory } from "../../../packages/perdure/src/model/history.ts";
import { decodePayload } from "../../../packages/perdure/src/model/payload.ts";
import { Execution } from "../../../packages/perdure/src/replay/execution.ts";
import { replay, type Replayed } from "../../../packages/perdure/src/replay/replay.ts";
import { createNewRun } from "../../../packages/perdure/src/runtime/new-run.ts";
import type { Store } from "../../../packages/perdure/src/store.ts";
import { assertCreated } from "./created.ts";
import type { AnyWorkflow } from "./scene.ts";

/** Replays events as they stand, in memory alone. */
export async function replayInMemory(
  { spec }: AnyWorkflow,
  runId: string,
  events: readonly Event[],
): Promise<Replayed & { execution: Execution; turns: number }> {
  const created = assertCreated(events);
  const execution = new Execution({
    runId,
    spec,
    input: decodePayload(created.payload),
    seed: created.seed ?? runId,
  });
  const replaying = replay(execution, effectiveHistory(events).events, created.at);
  for (let turns = 0; ; turns++) {
    const next = replaying.next();
    if (next.done) return { ...next.value, execution, turns };
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Writes a run that has these events, nobody's and due: as if its worker had died after the last of them. */
export async function plantRun(
  store: Store,
  { spec }: AnyWorkflow,
  runId: string,
  events: readonly Event[],
  /** Whose random sequence it has. */
  seed: string,
): Promise<void> {
  const created = assertCreated(events);
  await store.create([createNewRun(spec, { id: runId, seed, input: created.payload })]);
  const workerId = `planter-${runId}`;
  await store.register({
    id: workerId,
    leaseMs: 60_000,
    host: "test",
    pid: 1,
    version: "0",
    lanes: [{ queue: spec.queue, workflow: spec.name, version: spec.version }],
    concurrency: 1,
  });
  const { runs } = await store.claim({
    workerId,
    lanes: [{ queue: spec.queue, workflow: spec.name, version: spec.version }],
    limit: 1_000,
    claim: `plant-${runId}`,
    hot: new Map(),
  });
  const claimed = runs.find(({ run }) => run.id === runId)!;
  await store.commit([
    {
      runId,
      claim: claimed.run.claim,
      nextSeq: claimed.run.nextSeq,
      commitNumber: 1,
      events: events.slice(1).map(withoutSeq),
      consumed: [],
      progress: true,
      notBefore: null,
      leave: { status: "pending", deadlineAfterMs: null },
      runs: [],
    },
  ]);
  // Gives back what it claimed besides.
  await store.unregister(workerId);
}

function withoutSeq(event: Event): NewEvent {
  const copy: Partial<Event> = { ...event };
  delete copy.seq;
  return copy as NewEvent;
}

/** The operations of a history: number, kind and name, in order of their first start. */
export function operationsOf(events: readonly Event[]): string[] {
  const operations = new Map<number, string>();
  for (const event of events) {
    if ((event.type === "step.started" || event.type === "timer.started") && !operations.has(event.op)) {
      operations.set(event.op, `${event.op} ${event.type.split(".")[0]!} ${event.name}`);
    }
  }
  return [...operations.values()];
}
