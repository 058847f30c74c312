/** The colour of each status, the same everywhere. */
import type { RunStatus } from "../model/run.ts";
import type { Style } from "./style.ts";

export function runStatusStyle(status: RunStatus, style: Style): (text: string) => string {
  switch (status) {
    case "completed":
      return (text) => style.green(text);
    case "failed":
      return (text) => style.red(text);
    case "cancelled":
      return (text) => style.yellow(text);
    case "running":
      return (text) => style.bold(text);
    case "pending":
    case "suspended":
      return (text) => style.cyan(text);
    case "continued":
      return (text) => style.dim(text);
  }
}
