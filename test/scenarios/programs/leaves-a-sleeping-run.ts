import { sleep, workflow } from "perdure";
import { openEngine, tell } from "./program.ts";

const flow = workflow("asleep", async () => {
  await sleep("1h");
});
const engine = openEngine();
await engine.work({ workflows: [flow] });
const run = await engine.start(flow);
for await (const event of run.events()) if (event.type === "timer.started") break;
// Whatever keeps the process now would keep it for an hour.
tell("asleep", run.id);
