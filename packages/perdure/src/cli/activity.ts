/**
 * What happens to the runs of a store, as lines, for who develops: every run that is live, or new, from now on.
 *
 * The store is asked again and again; nothing tells of all runs. What a run did between two looks is told late, and in order.
 */
import type { Engine } from "../engine.ts";
import { isEnded, type RunStatus } from "../model/run.ts";
import type { HistoryEvent } from "../runtime/history-view.ts";
import type { RunInfo } from "../runtime/run-info.ts";
import { printable } from "./display-text.ts";
import { EventTeller } from "./event-text.ts";
import type { Output } from "./output.ts";
import { momentText } from "./time-text.ts";

const lookMs = 300;
/** Live runs that are followed, and new ones that one look can find. */
const maxLive = 100;
const maxNew = 50;
const liveStatuses: RunStatus[] = ["pending", "running", "suspended"];

interface Followed {
  toldSeq: number;
  teller: EventTeller;
}

/** Tells until it is stopped; stopping looks a last time. */
export async function showActivity(engine: Engine, output: Output): Promise<() => Promise<void>> {
  const followed = new Map<string, Followed>();
  const startedAt = new Date(Date.now() - 1);
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    const live = await engine.runs({ status: liveStatuses }, null, { limit: maxLive });
    const recent = await engine.runs({ createdAfter: startedAt }, null, { limit: maxNew });
    const runs = new Map([...recent.items, ...live.items].map((run) => [run.id, run]));
    for (const id of followed.keys()) if (!runs.has(id)) runs.set(id, await engine.run(id).info());
    for (const run of [...runs.values()].reverse()) await tellNews(run);
  }

  async function tellNews(run: RunInfo): Promise<void> {
    const known = followed.get(run.id);
    if (known ? known.toldSeq >= run.eventCount : isEnded(run.status) && run.createdAt < startedAt) {
      if (isEnded(run.status) && run.createdAt < startedAt) followed.delete(run.id);
      return;
    }
    const teller =
      known?.teller ??
      new EventTeller({
        style: output.style,
        forPeople: output.isTerminal,
        tellsStarts: false,
        tellsReasonOfEnd: true,
      });
    const history = await engine.run(run.id).history();
    for (const event of history) {
      if (known && event.seq <= known.toldSeq) continue;
      const line = teller.tell(event);
      if (event.at >= startedAt.getTime()) tell(run, event, line);
    }
    followed.set(run.id, { teller, toldSeq: history.length });
  }

  function tell(run: RunInfo, event: HistoryEvent, line: string | null): void {
    if (output.isJson) {
      output.record({ type: "event", runId: run.id, workflow: run.workflow, event });
      return;
    }
    const text = event.type === "run.created" ? "started" : line;
    if (text === null) return;
    const { style } = output;
    const when = style.dim(momentText(event.at, { forPeople: output.isTerminal }));
    output.line(`${when} ${style.bold(printable(run.workflow))} ${style.dim(shortId(run.id))} ${text}`);
  }

  /** A store that does not answer is told by the worker; here only the telling waits. */
  function lookOnce(): Promise<void> {
    looking = looking.then(look).catch(() => undefined);
    return looking;
  }

  function again(): void {
    if (!isStopped) timer = setTimeout(() => void lookOnce().then(again), lookMs);
  }

  await lookOnce();
  again();
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    await lookOnce();
  };
}

/** The end of an id tells runs apart: its beginning is the time. */
function shortId(id: string): string {
  return id.length <= 12 ? printable(id) : `…${printable(id.slice(-8))}`;
}
