/** Shows a run while it happens, from its first event to its end, and through the runs that take its place. */
import type { Engine } from "../engine.ts";
import { isEnded } from "../model/run.ts";
import { describeWaiting } from "../model/waiting.ts";
import { EventTeller } from "./event-text.ts";
import type { Output } from "./output.ts";
import { StatusLine } from "./status-line.ts";
import { spanText } from "./time-text.ts";

export interface RunProgress {
  /** Settles with the id of the last run, once that has ended. */
  readonly ended: Promise<string>;
  stop(): void;
}

/** @param options.after the number of the last event that need not be told. */
export function showProgress(
  engine: Engine,
  runId: string,
  output: Output,
  options: { after: number },
): RunProgress {
  const isTerminal = process.stderr.isTTY;
  const style = output.noteStyle;
  const create = (): EventTeller =>
    new EventTeller({ style, forPeople: isTerminal, tellsStarts: !isTerminal, tellsReasonOfEnd: false });
  let teller = create();
  let waiting: string | null = null;
  let isStopped = false;
  const statusLine = isTerminal && !output.isJson ? new StatusLine(style, describe) : null;
  const stop = (): void => {
    isStopped = true;
    statusLine?.stop();
  };

  function describe(): string | null {
    const [first, ...others] = teller.running;
    if (!first) return waiting;
    const attempt = first.attempt === 1 ? "" : ` attempt ${first.attempt}`;
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    return `${first.name}${attempt} ${spanText(Date.now() - first.startedAt)}${more}`;
  }

  async function follow(): Promise<string> {
    let id = runId;
    let toldSeq = options.after;
    for (;;) {
      for await (const event of engine.run(id).events()) {
        if (isStopped) return id;
        const line = teller.tell(event);
        if (event.seq > toldSeq && line !== null && !output.isJson) output.note(`  ${line}`);
        waiting = null;
        if (event.type === "step.failed" || event.type === "timer.started") {
          waiting = event.type === "timer.started" ? "sleeping" : "waiting for the next attempt";
        }
      }
      const info = await engine.run(id).info();
      if (info.successorId === null) {
        stop();
        return id;
      }
      output.note(style.dim(`  its place is taken by run ${info.successorId}`));
      id = info.successorId;
      toldSeq = 0;
      teller = create();
    }
  }

  return { ended: follow().finally(stop), stop };
}

/** One sentence about where a run stands. */
export async function describeStand(engine: Engine, runId: string): Promise<string> {
  const info = await engine.run(runId).info();
  if (isEnded(info.status)) return info.status;
  return info.waitingFor ? describeWaiting(info.waitingFor) : info.status;
}
