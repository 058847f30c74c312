/**
 * The process that works for `perdure dev`, until the code changes; then another one takes its place.
 *
 * W1. It boots while the one before still drains, and loads the user's code only when it is told to begin.
 * W2. Ctrl-C reaches it too, since it shares the terminal: the parent decides what that means.
 * W3. When the parent is gone, it stops by itself.
 */
import type { Engine, WorkerHandle } from "../engine.ts";
import { showActivity } from "./activity.ts";
import { errorCodeOf, errorText } from "./cli-error.ts";
import type { DevBegin, FromDevWorker, ToDevWorker } from "./dev-messages.ts";
import { loadWorkflows } from "./load-module.ts";
import { openEngine } from "./open-engine.ts";
import { createOutput } from "./output.ts";
import { keepAlive } from "./stop-signals.ts";
import { loadedFiles, registerTypeScript } from "./typescript-loader.ts";

let engine: Engine | null = null;
let worker: WorkerHandle | null = null;
let stopTelling = async (): Promise<void> => undefined;
let stopping: Promise<void> | null = null;
const letGo = keepAlive();

process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => void stop(0));
process.on("disconnect", () => void stop(0));
process.on("message", (message: ToDevWorker) => {
  if (message.type === "begin") void begin(message);
  else void stop(message.drainMs);
});
await registerTypeScript();
tell({ type: "booted" });

async function begin(options: DevBegin): Promise<void> {
  const output = createOutput(options);
  if (options.json) output.reserve();
  try {
    const workflows = await loadWorkflows([options.file]).finally(() =>
      tell({ type: "loaded", files: loadedFiles() }),
    );
    const { store, concurrency } = options;
    const opened = await openEngine({ ...(store !== undefined && { store }) }, output);
    engine = opened.engine;
    await engine.open();
    stopTelling = await showActivity(engine, output);
    worker = await engine.work({ ...opened.work, ...(concurrency !== undefined && { concurrency }) });
    tell({ type: "loaded", files: loadedFiles() });
    const { description } = (await engine.health()).store;
    const names = [...new Set(workflows.map(({ name }) => name))];
    tell({ type: "ready", worker: worker.id, store: description, workflows: names });
  } catch (error) {
    if (stopping) return;
    tell({ type: "refused", code: errorCodeOf(error), text: errorText(error, options) });
    await stop(0);
  }
}

function stop(drainMs: number): Promise<void> {
  stopping ??= (async () => {
    await worker?.stop({ drain: drainMs === 0 ? false : drainMs });
    await stopTelling();
    await engine?.close({ drain: false }).catch(() => undefined);
    letGo();
    process.exit(0);
  })();
  return stopping;
}

function tell(message: FromDevWorker): void {
  if (process.connected) process.send?.(message);
}
