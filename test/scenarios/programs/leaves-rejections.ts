import { sleep, step, workflow } from "perdure";
import { openEngine, tell, turn } from "./program.ts";

const [where] = process.argv.slice(2);

const flow = workflow("rejecting", async (isBad: boolean) => {
  const failing = step.run("fails", { retry: { maxAttempts: 1 } }, () => {
    throw new Error("lost");
  });
  if (isBad) void failing.then(() => 1);
  else failing.catch(() => undefined);
  await sleep(50);
  return "ended";
});
const leaving = workflow("leaving", async () =>
  step.run("leaves", async () => {
    void Promise.reject(new Error("left behind"));
    await turn();
    return "fine";
  }),
);

if (where === "handled outside") {
  process.on("unhandledRejection", (reason) => tell("handler", (reason as Error).message));
}
const engine = openEngine();
const worker = await engine.work({ workflows: [flow, leaving] });
if (where === "workflow") {
  const bad = await engine.start(flow, true);
  const good = await engine.start(flow, false);
  const error = await bad.result().catch((thrown: unknown) => thrown as Error);
  tell("bad", (error as Error & { cause: { code: string; message: string } }).cause.code);
  tell("message", (error as Error).message);
  tell("good", await good.result());
} else if (where === "step") {
  tell("result", await (await engine.start(leaving)).result());
} else {
  if (where === "outside after the worker") await worker.stop();
  void Promise.reject(new Error("the user's own"));
  await turn();
  await turn();
  tell("still there");
}
await engine.close();
