import { step, stepInfo, workflow } from "perdure";
import { openEngine, tell } from "./program.ts";

let calls = 0;
const flow = workflow("blocking", async () =>
  step.run("s", () => {
    // Stops the event loop for three leases, once.
    if (++calls === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    return stepInfo().attempt;
  }),
);
const engine = openEngine({ lease: "500ms" });
const worker = await engine.work({ workflows: [flow] });
const id = worker.id;
const run = await engine.start(flow);
tell("result", await run.result());
tell("calls", calls);
tell("another worker", worker.id !== id);
await engine.close();
