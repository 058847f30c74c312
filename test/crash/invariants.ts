/**
 * What must hold of a store and of the effects in the world, whatever processes died on the way.
 *
 * Each check answers with the violations that it finds, one line each; none is the proof.
 */
import { isDeepStrictEqual } from "node:util";
import { decodeEvent, isRunEnd, type Event } from "../../packages/perdure/src/model/event.ts";
import { decodePayload } from "../../packages/perdure/src/model/payload.ts";
import { isEnded, type RunRecord } from "../../packages/perdure/src/model/run.ts";
import type { Store } from "../../packages/perdure/src/store.ts";
import type { JournalLine } from "./effect-journal.ts";

export interface StoredRun {
  run: RunRecord;
  payload: string | null;
  events: Event[];
}

/** All runs of a store, by id. */
export async function readState(store: Store): Promise<Map<string, StoredRun>> {
  const state = new Map<string, StoredRun>();
  for (let cursor: string | undefined; ;) {
    const page = await store.runs({ limit: 1_000, ...(cursor !== undefined && { cursor }) });
    for (const { id } of page.items) {
      const snapshot = (await store.run(id))!;
      const stored = await store.history({ runId: id, afterSeq: 0, limit: 100_000 });
      state.set(id, { run: snapshot.run, payload: snapshot.payload, events: stored.map(decodeEvent) });
    }
    if (page.cursor === null) return state;
    cursor = page.cursor;
  }
}

type State = ReadonlyMap<string, StoredRun>;

/** Numbers without gaps, time that does not go back, one start, at most one end, and each operation's story in order. */
export function checkHistories(state: State): string[] {
  const found: string[] = [];
  for (const [id, { events }] of state) {
    const complain = (what: string, event?: Event): void =>
      void found.push(`history of ${id}: ${what}${event ? ` (event ${event.seq}, ${event.type})` : ""}`);
    if (events[0]?.type !== "run.created") complain("does not begin with its start", events[0]);
    const ops = new Map<number, { attempt: number; dueAt: number | null; outcome: boolean }>();
    let ended = false;
    events.forEach((event, index) => {
      if (event.seq !== index + 1) complain(`has a gap before ${event.seq}`, event);
      if (index > 0 && event.at < events[index - 1]!.at) complain("goes back in time", event);
      if (ended && event.type !== "run.rewound") complain("goes on after its end", event);
      ended = isRunEnd(event.type);
      if (event.type === "run.rewound") {
        // What happened after that place counts no longer: outcomes may come again.
        for (const later of events.slice(event.to, index))
          if ("op" in later && ops.has(later.op)) ops.get(later.op)!.outcome = false;
      }
      if (!("op" in event)) return;
      const op = ops.get(event.op);
      if (op?.outcome) complain(`has operation ${event.op} go on after its outcome`, event);
      if (event.type === "step.started") {
        if (event.attempt !== (op?.attempt ?? 0) + 1) complain(`skips or repeats an attempt`, event);
        ops.set(event.op, { attempt: event.attempt, dueAt: null, outcome: false });
      } else if (event.type === "timer.started") {
        if (op) complain("starts a timer twice", event);
        ops.set(event.op, { attempt: 0, dueAt: event.dueAt, outcome: false });
      } else if (!op) {
        complain("has an outcome without a start", event);
      } else {
        if (event.type === "timer.fired" && (event.dueAt !== op.dueAt || event.at < event.dueAt))
          complain("has a timer that fired early, or another", event);
        if (event.type === "step.failed" && event.attempt !== op.attempt)
          complain("has a failure of another attempt", event);
        // Recorded and never begun: the next one has its number.
        if (event.type === "step.handed-back") op.attempt--;
        op.outcome =
          event.type === "step.completed" ||
          event.type === "timer.fired" ||
          event.type === "step.abandoned" ||
          (event.type === "step.failed" && event.retryAt === undefined);
      }
    });
  }
  return found;
}

/** The row of a run that has ended is what its history says. */
export function checkRows(state: State): string[] {
  const found: string[] = [];
  for (const [id, { run, payload, events }] of state) {
    const last = events.at(-1)!;
    const created = events[0] as Extract<Event, { type: "run.created" }>;
    const statuses = { "run.completed": "completed", "run.failed": "failed", "run.cancelled": "cancelled" };
    const expected = {
      status: (statuses as Record<string, string>)[last.type] ?? "open",
      nextSeq: events.length + 1,
      workflow: created.workflow,
      version: created.version,
      attempt: created.attempt,
      predecessorId: created.predecessorId ?? null,
      successorId: last.type === "run.failed" ? (last.successorId ?? null) : null,
      createdAt: created.at,
      payload: "payload" in last && isRunEnd(last.type) ? last.payload : null,
      owned: false,
      wakeAt: null,
      held: false,
      waitingFor: null,
    };
    const actual = {
      status: isEnded(run.status) ? run.status : "open",
      nextSeq: run.nextSeq,
      workflow: run.workflow,
      version: run.version,
      attempt: run.attempt,
      predecessorId: run.predecessorId,
      successorId: run.successorId,
      createdAt: run.createdAt,
      payload,
      owned: run.workerId !== null,
      wakeAt: run.wakeAt,
      held: run.held,
      waitingFor: run.waitingFor,
    };
    if (expected.status === "open")
      found.push(`row of ${id}: it has not ended (${run.status}, ${last.type})`);
    else if (!isDeepStrictEqual(actual, expected))
      found.push(
        `row of ${id}: it says ${JSON.stringify(actual)} and its history ${JSON.stringify(expected)}`,
      );
    if (run.successorId !== null && !state.has(run.successorId))
      found.push(`row of ${id}: its successor ${run.successorId} is missing`);
  }
  return found;
}

/** What a store had is still there, unchanged. */
export function checkNothingChanged(before: State, after: State): string[] {
  const found: string[] = [];
  for (const [id, { events }] of before) {
    const later = after.get(id)?.events ?? [];
    for (const [index, event] of events.entries())
      if (!isDeepStrictEqual(event, later[index]))
        found.push(
          `history of ${id}: event ${event.seq} was ${JSON.stringify(event)} and is ${JSON.stringify(later[index])}`,
        );
  }
  return found;
}

/** Every effect that began had its start recorded before: nothing leaves before it is recorded. */
export function checkRecordedFirst(state: State, lines: readonly JournalLine[]): string[] {
  const found: string[] = [];
  for (const line of lines) {
    if (line.what === "started" && !state.has(line.run))
      found.push(`a start came back and is lost: ${line.run}`);
    if (line.what !== "begin" || isTransient(state.get(line.run))) continue;
    const op = opsByLabel(state.get(line.run)).get(line.label);
    const isRecorded = state
      .get(line.run)
      ?.events.some(
        (event) => event.type === "step.started" && event.op === op && event.attempt === line.attempt,
      );
    if (!isRecorded) found.push(`an effect began that was not recorded: ${JSON.stringify(line)}`);
  }
  return found;
}

/**
 * Effects against the final histories.
 *
 * @param seen for each place in the journal where a store was looked at: what it had then.
 */
export function checkEffects(
  state: State,
  lines: readonly JournalLine[],
  seen: readonly { line: number; state: State }[],
): string[] {
  const found: string[] = [];
  const registrations = lines.filter(({ what }) => what === "registered").length;
  const claims = new Map<string, number>();
  const keys = new Map<string, string>();
  const labels = new Map<string, string>();
  const begins = new Map<string, number>();
  const recorded = new Set<string>();
  const outcomes = new Map<string, unknown>();
  const takeSeen = (its: State): void => {
    for (const [id, { events }] of its)
      for (const event of events) if (event.type === "step.completed") recorded.add(`${id} ${event.op}`);
  };
  lines.forEach((line, index) => {
    for (const look of seen) if (look.line === index) takeSeen(look.state);
    if (line.what === "committed") for (const op of line.completed) recorded.add(`${line.run} ${op}`);
    if (line.what === "claimed") claims.set(line.run, (claims.get(line.run) ?? 0) + 1);
    if (line.what === "outcome") {
      const { run, ...outcome } = line.outcome as { run: string };
      if (outcomes.has(run) && !isDeepStrictEqual(outcomes.get(run), outcome))
        found.push(`run ${run} had two outcomes: ${JSON.stringify([outcomes.get(run), outcome])}`);
      outcomes.set(run, outcome);
    }
    if (line.what !== "begin") return;
    const step = `${line.run} ${line.label}`;
    if (keys.has(line.key) && keys.get(line.key) !== step)
      found.push(`one idempotency key for two steps: ${line.key}`);
    if (labels.has(step) && labels.get(step) !== line.key)
      found.push(`two idempotency keys for one step: ${step}`);
    keys.set(line.key, step);
    labels.set(step, line.key);
    const op = opsByLabel(state.get(line.run)).get(line.label);
    if (op !== undefined && recorded.has(`${line.run} ${op}`))
      found.push(`a step ran again whose result was recorded: ${JSON.stringify(line)}`);
    begins.set(step, (begins.get(step) ?? 0) + 1);
    // Every claim and every worker but the first is one that took over, after a crash or a stop.
    const takenOver = Math.min(registrations, claims.get(line.run) ?? 0) - 1;
    if (begins.get(step)! > line.attempt + takenOver)
      found.push(
        `a step began ${begins.get(step)} times by attempt ${line.attempt}: ${JSON.stringify(line)}`,
      );
    if (line.step.endsWith(" once") && begins.get(step)! > 1) found.push(`a once step began twice: ${step}`);
  });
  for (const [id, stored] of state) {
    const names = new Map([...opsByLabel(stored)].map(([label, op]) => [op, label]));
    const attempts = new Map<number, number>();
    for (const event of stored.events) {
      if (event.type === "step.started") attempts.set(event.op, event.attempt);
      if (event.type !== "step.completed") continue;
      const label = names.get(event.op);
      const attempt = attempts.get(event.op);
      const isDone = lines.some(
        (line) =>
          line.what === "end" &&
          line.ok &&
          line.run === id &&
          line.label === label &&
          line.attempt === attempt,
      );
      if (!isDone) found.push(`a result was invented: ${id} ${label ?? event.op}, attempt ${attempt ?? "?"}`);
    }
  }
  return found;
}

/** Owners follow each other: once a claim has written, no earlier one does. And nobody writes what another has written. */
export function checkOwners(lines: readonly JournalLine[]): string[] {
  const found: string[] = [];
  const commits = new Map<string, Extract<JournalLine, { what: "committed" }>[]>();
  for (const line of lines)
    if (line.what === "committed") commits.set(line.run, [...(commits.get(line.run) ?? []), line]);
  for (const [run, its] of commits) {
    its.sort((a, b) => a.from - b.from);
    const over = new Set<string>();
    its.forEach((line, index) => {
      const before = its[index - 1];
      if (!before) return;
      if (line.from <= before.to) found.push(`two writes of event ${line.from} of run ${run} were accepted`);
      if (before.claim !== line.claim && before.claim !== null) over.add(before.claim);
      if (line.claim !== null && over.has(line.claim))
        found.push(
          `run ${run}: claim ${line.claim} wrote event ${line.from} after another owner had written`,
        );
    });
  }
  return found;
}

/** Steps by their first argument, which no other call of a run has. */
function opsByLabel(stored: StoredRun | undefined): Map<string, number> {
  const ops = new Map<string, number>();
  for (const event of stored?.events ?? []) {
    if (event.type !== "step.started" || event.payload === null) continue;
    const [label] = decodePayload(event.payload) as [string];
    ops.set(label, event.op);
  }
  return ops;
}

function isTransient(stored: StoredRun | undefined): boolean {
  const [created] = stored?.events ?? [];
  return created?.type === "run.created" && created.transient === true;
}
