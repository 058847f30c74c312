import { existsSync } from "node:fs";
import { closeDefaultEngine, start, step, workflow } from "perdure";
import { tell } from "./program.ts";

const flow = workflow("by-default", async (name: string) => step.run("greet", () => `hello ${name}`));
const run = await start(flow, "ada", { idempotencyKey: "k" });
tell("result", await run.result());
tell("file", existsSync("./.perdure/perdure.db"));
await closeDefaultEngine();
