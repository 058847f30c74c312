import { step, workflow } from "perdure";
import { openEngine, tell } from "./program.ts";

const flow = workflow("endless", async () => {
  await step.run("s", () => new Promise((resolve) => setTimeout(resolve, 60_000)));
});
const engine = openEngine();
await engine.work({ workflows: [flow] });
const run = await engine.start(flow);
for await (const event of run.events()) if (event.type === "step.started") break;
tell("working");
