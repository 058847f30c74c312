import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createProject, jsonLines, orderFile, type Project } from "./project.ts";

async function statusOf(project: Project, id: string): Promise<{ status: string; output?: unknown }> {
  const shown = await project.run(["runs", "show", id, "--json"]);
  return (JSON.parse(shown.stdout) as { run: { status: string } }).run;
}

test("a worker that is killed in the middle leaves its run to another worker, and recorded steps are not repeated", async () => {
  const project = createProject({ "order.ts": orderFile });
  const first = project.start(["worker", "order.ts", "--lease", "1s"]);
  await first.until(/ready on .*serving order, refund/);
  await project.run(["run", "order.ts", "long", "--input", "12", "--id", "l1", "--no-wait"]);
  await expect.poll(() => log(project).length, { timeout: 20_000 }).toBeGreaterThan(2);
  first.process.kill("SIGKILL");
  await first.ended;
  expect(await statusOf(project, "l1")).not.toMatchObject({ status: "completed" });
  const second = project.start(["worker", "order.ts", "--lease", "1s", "--json"]);
  await expect
    .poll(() => statusOf(project, "l1"), { timeout: 20_000, interval: 300 })
    .toMatchObject({ status: "completed", output: 78 });
  // Only the attempt that ran when the worker died may have run twice.
  expect(log(project).length).toBeLessThanOrEqual(13);
  second.process.kill("SIGTERM");
  const ended = await second.ended;
  expect(ended.code).toBe(0);
  const lines = jsonLines(ended.stdout).filter(({ type }) => type !== "log");
  expect(lines.map(({ type }) => type)).toEqual(["ready", "stopping", "stopped"]);
});

test("SIGTERM lets the running step end, hands the run back at once, and ends with 0", async () => {
  const project = createProject({ "order.ts": orderFile });
  const first = project.start(["worker", "order.ts", "--drain-timeout", "5s"]);
  await first.until(/ready/);
  await project.run(["run", "order.ts", "long", "--input", "12", "--id", "l1", "--no-wait"]);
  await expect.poll(() => log(project).length, { timeout: 20_000 }).toBeGreaterThan(2);
  first.process.kill("SIGTERM");
  expect(await first.ended).toMatchObject({ code: 0, signal: null });
  // With the default lease of 10 s a run that was not handed back would wait longer than this.
  const again = await project.run(["run", "order.ts", "--continue", "l1", "--timeout", "8s"]);
  expect(JSON.parse(again.stdout)).toBe(78);
  expect(log(project)).toHaveLength(12);
});

test("a second signal ends a worker at once", async () => {
  const stuck = `import { step, workflow } from "perdure";
const forever = step("forever", () => new Promise<void>((resolve) => { console.log("stuck"); setTimeout(resolve, 2 ** 30); }));
export const hang = workflow("hang", async () => { await forever(); });`;
  const project = createProject({ "hang.ts": stuck });
  const worker = project.start(["worker", "hang.ts", "--drain-timeout", "1h"]);
  await worker.until(/ready/);
  await project.run(["run", "hang.ts", "--no-wait"]);
  await worker.until(/stuck/);
  worker.process.kill("SIGINT");
  await worker.until(/stopping: 1 live run first/);
  worker.process.kill("SIGINT");
  expect((await worker.ended).code).toBe(130);
});

function log(project: Project): string[] {
  try {
    return readFileSync(join(project.folder, "work.log"), "utf8").trim().split("\n");
  } catch {
    return [];
  }
}
