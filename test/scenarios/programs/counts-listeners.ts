import { step, workflow } from "perdure";
import { openEngine, tell } from "./program.ts";

const names = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGUSR1",
  "SIGUSR2",
  "exit",
  "beforeExit",
  "uncaughtException",
  "warning",
];
const count = (): number[] => names.map((name) => process.listenerCount(name));

const before = count();
const flow = workflow("counted", async () => step.run("s", () => 1));
const engine = openEngine();
const worker = await engine.work({ workflows: [flow] });
await (await engine.start(flow)).result();
tell(
  "during",
  count().map((number, index) => number - before[index]!),
);
await worker.stop();
tell("unhandled after the worker", process.listenerCount("unhandledRejection"));
await engine.close();
tell(
  "after",
  count().map((number, index) => number - before[index]!),
);
