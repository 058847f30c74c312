import { step, workflow } from "perdure";
import { openEngine, tell } from "./program.ts";

const flow = workflow("unwatched", async () => {
  await step.run("unref'd", () => new Promise((resolve) => setTimeout(resolve, 300).unref()));
  await step.run("tells", () => tell("ran"));
});
const engine = openEngine();
await engine.work({ workflows: [flow] });
await engine.start(flow);
