/** How soon a worker in another process notices new work, on one SQLite file. */
import { fork } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createEngine, step, workflow } from "perdure";
import { percentile, report, temporaryFolder } from "./bare-loop.mjs";

const notice = step("notice", async (sentAt) => {
  process.send?.({ sentAt, noticedAt: Date.now() });
});
const noticing = workflow("noticing", async (sentAt) => {
  await notice(sentAt);
});

if (process.argv[2] === "worker") {
  const engine = createEngine({ store: process.argv[3] });
  await engine.work();
  process.send("ready");
  process.on("disconnect", () => void engine.close());
} else {
  const store = `sqlite:${join(temporaryFolder(), "engine.db")}`;
  const engine = createEngine({ store });
  await engine.open();
  const child = fork(fileURLToPath(import.meta.url), ["worker", store]);
  const messages = [];
  child.on("message", (message) => messages.push(message));
  const heard = async () => {
    while (messages.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    return messages.shift();
  };
  await heard();
  const delays = [];
  for (let index = 0; index < 200; index++) {
    // Idle in between: that is when noticing is hard.
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 60));
    const sentAt = Date.now();
    await engine.start(noticing, sentAt);
    const { noticedAt } = await heard();
    delays.push(noticedAt - sentAt);
  }
  child.disconnect();
  await engine.close();
  const p95 = percentile(delays, 0.95);
  report([
    { name: "start to running step in another process, ms p50", value: percentile(delays, 0.5) },
    { name: "ms p95", value: p95, goal: "<= 25", met: p95 <= 25 },
  ]);
}
