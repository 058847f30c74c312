/** `perdure runs list` */
import { Option, type Command } from "commander";
import type { AttributeValue, RunStatus } from "../../model/run.ts";
import { isEnded, runStatuses } from "../../model/run.ts";
import { describeWaiting } from "../../model/waiting.ts";
import type { RunInfo } from "../../runtime/run-info.ts";
import { printable } from "../display-text.ts";
import { openEngine } from "../open-engine.ts";
import type { Output } from "../output.ts";
import { runStatusStyle } from "../run-status-style.ts";
import { formatTable } from "../table.ts";
import { distanceText, momentText, spanText } from "../time-text.ts";
import {
  addCommonOptions,
  outputFor,
  parseAttribute,
  parseCount,
  type CommonOptions,
} from "./common-options.ts";

interface ListOptions extends CommonOptions {
  workflow?: string;
  status?: RunStatus[];
  attribute?: Record<string, AttributeValue>;
  limit: number;
  cursor?: string;
}

export function addRunsList(runs: Command): void {
  const command = runs
    .command("list")
    .description("list runs, newest first")
    .option("--workflow <name>", "only runs of this workflow")
    .addOption(new Option("--status <status...>", "only runs with one of these").choices(runStatuses))
    .option("--attribute <name=value>", "only runs with this attribute; may be repeated", parseAttribute)
    .option("--limit <count>", "how many, at most 1000", parseCount, 20)
    .option("--cursor <cursor>", "go on where the list before ended");
  addCommonOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  perdure runs list --status failed
  perdure runs list --workflow order --attribute customer=ada --limit 100
  perdure runs list --json | jq '.items[].id'`,
    )
    .action(listRuns);
}

async function listRuns(options: ListOptions): Promise<void> {
  const output = outputFor(options);
  const { engine, missingFile, store } = await openEngine(options, output);
  if (missingFile !== null) {
    if (output.isJson) output.document({ items: [], cursor: null });
    output.note(
      `There are no runs: ${printable(missingFile)} does not exist yet. Is this the folder that you mean?`,
    );
    return;
  }
  try {
    const { workflow, status, attribute, limit, cursor } = options;
    const filter = {
      ...(workflow !== undefined && { workflow }),
      ...(status && { status }),
      ...(attribute && { attributes: attribute }),
    };
    const page = await engine.runs(filter, cursor, { limit });
    if (output.isJson) {
      output.document(page);
      return;
    }
    if (page.items.length === 0) {
      output.note(`No runs${Object.keys(filter).length > 0 ? " fit" : ""} in ${printable(store)}.`);
      return;
    }
    for (const line of formatRuns(page.items, output)) output.line(line);
    if (page.cursor !== null) {
      output.note(output.noteStyle.dim(`\nThere are more: --cursor ${page.cursor}`));
    }
  } finally {
    await engine.close();
  }
}

function formatRuns(runs: readonly RunInfo[], output: Output): string[] {
  const { style, isTerminal } = output;
  const now = Date.now();
  return formatTable<RunInfo>(
    runs,
    [
      { title: "ID", text: ({ id }) => printable(id), style: (text) => style.cyan(text) },
      { title: "WORKFLOW", text: ({ workflow }) => printable(workflow), gives: true },
      {
        title: "STATUS",
        text: ({ status }) => status,
        style: (text, { status }) => runStatusStyle(status, style)(text),
      },
      {
        title: "STARTED",
        text: ({ createdAt }) =>
          isTerminal ? distanceText(createdAt.getTime(), now) : momentText(createdAt, { forPeople: false }),
      },
      {
        title: "TOOK",
        text: ({ status, createdAt, updatedAt }) =>
          isEnded(status) ? spanText(updatedAt.getTime() - createdAt.getTime()) : "",
        align: "right",
      },
      {
        title: "ATTRIBUTES",
        text: ({ attributes }) =>
          printable(
            Object.entries(attributes)
              .map(([name, value]) => `${name}=${String(value)}`)
              .join(" "),
          ),
        gives: true,
      },
      {
        title: "WAITS FOR",
        text: ({ waitingFor }) => (waitingFor ? printable(describeWaiting(waitingFor)) : ""),
        gives: true,
      },
    ],
    { style, columnsOfTerminal: output.columns },
  );
}
