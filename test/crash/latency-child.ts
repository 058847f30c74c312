/** Starts runs from a process without a worker and notes when each start was asked for. */
import { createEngine, step, workflow } from "../../packages/perdure/src/index.ts";

export interface LatencyOrder {
  folder: string;
  role: "worker" | "client";
  count: number;
}

const { folder, role, count } = JSON.parse(process.argv[2]!) as LatencyOrder;
/** Milliseconds since 1970, with fractions: all processes of a machine share that clock. */
const now = (): number => performance.timeOrigin + performance.now();
const noticed = step("noticed", (askedAt: number) => now() - askedAt);
const notice = workflow("notice", async (askedAt: number) => noticed(askedAt));

const engine = createEngine({ store: `sqlite:${folder}/store.db` });
if (role === "worker") {
  await engine.work();
  process.stdout.write("ready\n");
  await new Promise((resolve) => process.stdin.on("end", resolve).resume());
} else {
  const latencies: number[] = [];
  for (let index = 0; index < count; index++) {
    const handle = await engine.start(notice, now());
    latencies.push(await handle.result({ timeout: "30s" }));
    // Long enough for the worker to fall asleep again.
    await new Promise((resolve) => setTimeout(resolve, 20 + (index % 7) * 9));
  }
  process.stdout.write(JSON.stringify(latencies));
}
await engine.close();
