import { sleep, workflow } from "perdure";
import { openEngine, tell } from "./program.ts";

const flow = workflow("short", async () => {
  await sleep("300ms");
  return "slept";
});
const engine = openEngine();
await engine.work({ workflows: [flow] });
const run = await engine.start(flow);
void run.result().then((value) => tell("result", value));
