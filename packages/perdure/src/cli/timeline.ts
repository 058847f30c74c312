/** The operations of a run as rows of a table, with a bar that shows when each happened. */
import { printable } from "./display-text.ts";
import { valueText } from "./json-view.ts";
import type { OperationRow, OperationState } from "./operations.ts";
import type { Output } from "./output.ts";
import type { Style } from "./style.ts";
import { formatTable, type Column } from "./table.ts";
import { momentText, spanText } from "./time-text.ts";

const barColumns = 24;
/** Narrower terminals have no place for the bar. */
const leastColumnsForBar = 110;

export function formatTimeline(
  rows: readonly OperationRow[],
  span: { startedAt: number; endedAt: number },
  output: Output,
): string[] {
  const { style, isTerminal, columns } = output;
  const table: Column<OperationRow>[] = [
    { title: "#", text: ({ op }) => String(op), align: "right", style: (text) => style.dim(text) },
    {
      title: "OPERATION",
      text: ({ name, kind }) => printable(kind === "timer" && name !== "sleep" ? `sleep ${name}` : name),
      gives: true,
    },
    { title: "STATE", text: stateText, style: (text, { state }) => stateStyle(state, style)(text) },
    {
      title: "ATTEMPTS",
      text: ({ attempts }) => (attempts === 0 ? "" : String(attempts)),
      align: "right",
      style: (text, { attempts }) => (attempts > 1 ? style.yellow(text) : text),
    },
    { title: "AFTER", text: ({ startedAt }) => `+${spanText(startedAt - span.startedAt)}`, align: "right" },
    {
      title: "TOOK",
      text: ({ startedAt, endedAt }) => (endedAt === null ? "" : spanText(endedAt - startedAt)),
      align: "right",
    },
  ];
  if (isTerminal && columns >= leastColumnsForBar) {
    table.push({
      title: "WHEN".padEnd(barColumns),
      text: (row) => bar(row, span),
      style: (text, { state }) => stateStyle(state, style)(text),
    });
  }
  table.push({
    title: "RESULT",
    text: (row) => resultText(row, isTerminal),
    style: (text, { failure }) => (failure ? style.red(text) : text),
    gives: true,
  });
  return formatTable(rows, table, { style, columnsOfTerminal: columns });
}

function stateText({ state, failure }: OperationRow): string {
  return state === "waiting" && failure ? "retrying" : state;
}

function stateStyle(state: OperationState, style: Style): (text: string) => string {
  switch (state) {
    case "completed":
      return (text) => style.green(text);
    case "failed":
      return (text) => style.red(text);
    case "running":
      return (text) => style.bold(text);
    case "waiting":
      return (text) => style.cyan(text);
    case "abandoned":
      return (text) => style.dim(text);
  }
}

function resultText(row: OperationRow, forPeople: boolean): string {
  const due = row.endedAt === null && row.dueAt !== null ? momentText(row.dueAt, { forPeople }) : null;
  if (row.failure) {
    return `${printable(row.failure.message).slice(0, 200)}${due === null ? "" : `; next attempt ${due}`}`;
  }
  if (row.kind === "timer") return due === null || row.state === "abandoned" ? "" : `until ${due}`;
  return valueText(row.result, 80);
}

function bar(row: OperationRow, span: { startedAt: number; endedAt: number }): string {
  const total = Math.max(1, span.endedAt - span.startedAt);
  const at = (ms: number): number => Math.min(1, Math.max(0, (ms - span.startedAt) / total)) * barColumns;
  const from = Math.min(barColumns - 1, Math.floor(at(row.startedAt)));
  const to = Math.max(from + 1, Math.round(at(row.endedAt ?? span.endedAt)));
  const mark = row.kind === "timer" ? "─" : "━";
  return " ".repeat(from) + mark.repeat(to - from) + " ".repeat(barColumns - to);
}
