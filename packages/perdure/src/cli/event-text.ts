/** A run's events as lines for people, while they happen. */
import type { HistoryEvent } from "../runtime/history-view.ts";
import { printable, shorten } from "./display-text.ts";
import { valueText } from "./json-view.ts";
import type { Style } from "./style.ts";
import { momentText, spanText } from "./time-text.ts";

export interface EventTextOptions {
  style: Style;
  forPeople: boolean;
  /** Whether a step's start gets a line of its own. */
  tellsStarts: boolean;
  /** Whether the line of a run's end has the reason; not where the reason is told at length below. */
  tellsReasonOfEnd: boolean;
}

interface Known {
  name: string;
  startedAt: number;
  attempt: number;
}

/** Follows one run: events say only which operation they belong to. */
export class EventTeller {
  readonly #options: EventTextOptions;
  readonly #operations = new Map<number, Known>();
  readonly #running = new Map<number, Known>();
  #createdAt = 0;

  constructor(options: EventTextOptions) {
    this.#options = options;
  }

  /** Steps that run at this moment, oldest first. */
  get running(): readonly Known[] {
    return [...this.#running.values()];
  }

  /** The line for an event, or null when it is not worth one. Every event has to come by, in order. */
  tell(event: HistoryEvent): string | null {
    const { style, forPeople, tellsStarts } = this.#options;
    switch (event.type) {
      case "run.created":
        this.#createdAt = event.at;
        return null;
      case "run.resumed":
        this.#running.clear();
        return style.dim("⟳ resumed by another worker");
      case "run.rewound":
        this.#running.clear();
        return style.dim("⟲ goes on from where it failed");
      case "step.started": {
        const known = { name: printable(event.name), startedAt: event.at, attempt: event.attempt };
        if (event.attempt === 1 || !this.#operations.has(event.op)) this.#operations.set(event.op, known);
        this.#running.set(event.op, known);
        const attempt = event.attempt === 1 ? "" : ` attempt ${event.attempt}`;
        return tellsStarts ? style.dim(`▸ ${known.name}${attempt} started`) : null;
      }
      case "step.completed": {
        const span = this.#spanOf(event.op, event.at);
        const result = valueText(event.value);
        const attempt = this.#end(event.op);
        const attempts = attempt > 1 ? style.dim(` (attempt ${attempt})`) : "";
        return `${style.green("✓")} ${this.#nameOf(event.op)}${attempts}  ${style.dim(`${span}  ${result}`.trimEnd())}`;
      }
      case "step.failed": {
        this.#end(event.op);
        const reason = shorten(printable(event.failure?.message ?? "no reason"), 200);
        const name = this.#nameOf(event.op);
        if (event.retryAt === undefined) {
          const attempts = event.attempt === 1 ? "" : ` after ${event.attempt} attempts`;
          return `${style.red("✗")} ${name} failed${attempts}: ${style.red(reason)}`;
        }
        const next = `attempt ${event.attempt + 1} in ${spanText(event.retryAt - event.at)}`;
        return `${style.yellow("↻")} ${name} attempt ${event.attempt} failed: ${reason}; ${style.yellow(next)}`;
      }
      case "step.handed-back":
        this.#end(event.op);
        return style.dim(`⇠ ${this.#nameOf(event.op)} was handed back before it began`);
      case "step.abandoned":
        this.#end(event.op);
        return style.dim(`- ${this.#nameOf(event.op)} was abandoned: the workflow ended meanwhile`);
      case "timer.started": {
        this.#operations.set(event.op, { name: printable(event.name), startedAt: event.at, attempt: 1 });
        const due = momentText(event.dueAt, { forPeople });
        return `${style.cyan("◷")} ${timerName(printable(event.name))} until ${due} ${style.dim(`(${spanText(event.dueAt - event.at)})`)}`;
      }
      case "timer.fired":
        return `${style.green("✓")} ${timerName(this.#nameOf(event.op))}  ${style.dim(this.#spanOf(event.op, event.at))}`;
      case "message.received":
        return `${style.cyan("✉")} ${printable(`${event.kind} ${event.name}`)}`;
      case "run.completed":
        return `${style.green("✓ completed")} in ${this.#spanOfRun(event.at)}`;
      case "run.failed": {
        const reason = shorten(printable(event.failure?.message ?? "no reason"), 200);
        const why = this.#options.tellsReasonOfEnd ? `: ${reason}` : "";
        return `${style.red("✗ failed")} after ${this.#spanOfRun(event.at)}${why}`;
      }
      case "run.cancelled":
        return `${style.yellow("✗ cancelled")} after ${this.#spanOfRun(event.at)}: ${printable(event.failure?.message ?? "")}`;
    }
  }

  #nameOf(op: number): string {
    return this.#operations.get(op)?.name ?? `operation ${op}`;
  }

  /** Answers which attempt it was. */
  #end(op: number): number {
    const attempt = this.#running.get(op)?.attempt ?? 1;
    this.#running.delete(op);
    return attempt;
  }

  #spanOf(op: number, endedAt: number): string {
    const startedAt = (this.#running.get(op) ?? this.#operations.get(op))?.startedAt;
    return startedAt === undefined ? "" : spanText(endedAt - startedAt);
  }

  #spanOfRun(endedAt: number): string {
    return spanText(endedAt - this.#createdAt);
  }
}

/** Sleeps without a name of their own are called so. */
function timerName(name: string): string {
  return name === "sleep" ? name : `sleep ${name}`;
}
