/** `perdure runs show` */
import type { Command } from "commander";
import { isEnded } from "../../model/run.ts";
import { describeWaiting } from "../../model/waiting.ts";
import type { HistoryEvent } from "../../runtime/history-view.ts";
import type { RunDetails } from "../../runtime/run-info.ts";
import { plural, printable, printableLines } from "../display-text.ts";
import { valueText } from "../json-view.ts";
import { storeArgument } from "../open-engine.ts";
import { failedOperation, readOperations, type OperationRow } from "../operations.ts";
import type { Output } from "../output.ts";
import { runStatusStyle } from "../run-status-style.ts";
import { formatFields, formatTable } from "../table.ts";
import { distanceText, momentText, spanText } from "../time-text.ts";
import { formatTimeline } from "../timeline.ts";
import { addCommonOptions, outputFor, type CommonOptions } from "./common-options.ts";
import { openExistingStore } from "../existing-store.ts";

interface ShowOptions extends CommonOptions {
  events?: boolean;
}

export function addRunsShow(runs: Command): void {
  const command = runs
    .command("show")
    .description("show where a run stands and what it did")
    .argument("<id>", "the run's id, from: perdure runs list")
    .option("--events", "list the events of its history as they are");
  addCommonOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  perdure runs show 01998c3e-8a51-7c4e-b1f0-5b2f0c9d7a10
  perdure runs show order:o1 --events
  perdure runs show order:o1 --json | jq .run.output`,
    )
    .action(showRun);
}

async function showRun(id: string, options: ShowOptions): Promise<void> {
  const output = outputFor(options);
  const { engine } = await openExistingStore(options, output, id);
  try {
    const handle = engine.run(id);
    const run = await handle.info();
    const history = await handle.history();
    const operations = readOperations(history);
    if (output.isJson) {
      output.document({
        run,
        input: inputOf(history),
        operations,
        ...(options.events === true && { events: history }),
      });
      return;
    }
    writeHead(run, history, operations, options, output);
    if (options.events === true) writeEvents(history, output);
    else if (operations.length > 0) writeTimeline(run, operations, output);
  } finally {
    await engine.close();
  }
}

function inputOf(history: readonly HistoryEvent[]): unknown {
  const first = history[0];
  return first?.type === "run.created" ? first.value : undefined;
}

function writeHead(
  run: RunDetails,
  history: readonly HistoryEvent[],
  operations: readonly OperationRow[],
  options: ShowOptions,
  output: Output,
): void {
  const { style, isTerminal } = output;
  const moment = (at: Date): string => {
    const text = momentText(at, { forPeople: isTerminal });
    return isTerminal ? `${text} ${style.dim(`(${distanceText(at.getTime(), Date.now())})`)}` : text;
  };
  const status = runStatusStyle(run.status, style)(run.status);
  output.line(
    `Run ${style.cyan(printable(run.id))} of workflow ${style.bold(printable(run.workflow))}: ${status}`,
  );
  output.line(standSentence(run, operations));
  output.line();
  const attributes = Object.entries(run.attributes).map(([name, value]) => `${name}=${String(value)}`);
  const fields: [string, string][] = [
    ["started", moment(run.createdAt)],
    [isEnded(run.status) ? "ended" : "last change", moment(run.updatedAt)],
  ];
  const add = (name: string, value: string): void => {
    if (value !== "") fields.push([name, value]);
  };
  add("version", run.version === "1" ? "" : printable(run.version));
  add("key", printable(run.idempotencyKey ?? ""));
  add("attributes", printable(attributes.join(" ")));
  add("deadline", run.deadlineAt ? moment(run.deadlineAt) : "");
  add("attempt", run.attempt === 1 ? "" : String(run.attempt));
  add("follows", printable(run.predecessorId ?? ""));
  add("followed by", printable(run.successorId ?? ""));
  add("input", valueText(inputOf(history), 300));
  add("output", "output" in run ? valueText(run.output, 300) : "");
  for (const line of formatFields(fields, style)) output.line(`  ${line}`);
  if (run.status === "failed" && run.successorId === null) {
    output.note(
      output.noteStyle.dim(
        `\nTry it again from where it failed: perdure runs retry ${run.id}${storeArgument(options)}`,
      ),
    );
  }
}

/** One sentence: what it waits for, what it does, or how it ended. */
function standSentence(run: RunDetails, operations: readonly OperationRow[]): string {
  const took = spanText(run.updatedAt.getTime() - run.createdAt.getTime());
  const reason = printableLines(run.failure?.message ?? "").split("\n")[0]!;
  switch (run.status) {
    case "completed":
      return `It completed in ${took}.`;
    case "failed": {
      const step = failedOperation(operations, run.failure);
      const where = step ? ` at step ${printable(step.name)}, attempt ${step.attempts}` : "";
      return `It failed after ${took}${where}: ${reason}`;
    }
    case "cancelled":
      return `It was cancelled after ${took}: ${reason}`;
    case "continued":
      return `Run ${printable(run.successorId ?? "?")} goes on in its place.`;
    default: {
      if (run.waitingFor) {
        const due = "dueAt" in run.waitingFor ? ` (${distanceText(run.waitingFor.dueAt, Date.now())})` : "";
        return `It is ${printable(describeWaiting(run.waitingFor))}${due}.`;
      }
      const running = operations
        .filter(({ state }) => state === "running")
        .map(({ name }) => printable(name));
      return running.length === 0
        ? "A worker has it."
        : `A worker has it: ${running.slice(0, 3).join(", ")} ${running.length === 1 ? "runs" : "run"}${running.length > 3 ? ` and ${running.length - 3} more` : ""}.`;
    }
  }
}

function writeTimeline(run: RunDetails, operations: readonly OperationRow[], output: Output): void {
  const endedAt = isEnded(run.status) ? run.updatedAt.getTime() : Date.now();
  output.line();
  const span = { startedAt: run.createdAt.getTime(), endedAt };
  for (const line of formatTimeline(operations, span, output)) output.line(line);
}

function writeEvents(history: readonly HistoryEvent[], output: Output): void {
  const { style, isTerminal } = output;
  output.line();
  const lines = formatTable(
    history,
    [
      { title: "SEQ", text: ({ seq }) => String(seq), align: "right", style: (text) => style.dim(text) },
      {
        title: "AT",
        text: ({ at }) =>
          isTerminal ? momentText(at, { forPeople: true }) : momentText(at, { forPeople: false }),
      },
      { title: "EVENT", text: ({ type }) => type },
      { title: "OP", text: (event) => ("op" in event ? String(event.op) : ""), align: "right" },
      { title: "NAME", text: (event) => ("name" in event ? printable(event.name) : ""), gives: true },
      { title: "DETAILS", text: detailsOf, gives: true },
    ],
    { style, columnsOfTerminal: output.columns },
  );
  for (const line of lines) output.line(line);
  output.note(output.noteStyle.dim(`\n${plural(history.length, "event")}`));
}

/** They have columns of their own. */
const shownFields = new Set(["seq", "type", "at", "op", "name", "value", "failure"]);

function detailsOf(event: HistoryEvent): string {
  const texts = Object.entries(event)
    .filter(([key]) => !shownFields.has(key))
    .map(([key, detail]: [string, unknown]) => {
      const isMoment = key.endsWith("At") && typeof detail === "number";
      return `${key}=${isMoment ? new Date(detail).toISOString() : String(detail)}`;
    });
  if ("value" in event) texts.push(valueText(event.value, 100));
  if ("failure" in event) texts.push(event.failure.message);
  return printable(texts.join(" ")).slice(0, 400);
}
