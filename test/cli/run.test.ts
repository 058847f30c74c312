import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createProject, jsonLines, orderFile } from "./project.ts";

const escape = "\u001b";

test("run prints the output alone on standard output, progress on standard error, and ends with 0", async () => {
  const project = createProject({ "order.ts": orderFile });
  const ended = await project.run(["run", "order.ts", "order", "--input", '{"id":"o1","total":7}']);
  expect(JSON.parse(ended.stdout)).toEqual({ paid: 7, parcel: "parcel o1" });
  expect(ended.code).toBe(0);
  expect(ended.stderr).toMatch(/charge started[^]*✓ charge[^]*sleep until[^]*✓ ship[^]*completed/);
  expect(ended.stderr).toContain("shipping");
  expect(ended.stdout + ended.stderr).not.toContain(escape);
});

test("run works for a project of CommonJS files, and its steps are recorded", async () => {
  const project = createProject({ "order.ts": orderFile }, { type: "commonjs" });
  const ended = await project.run(["run", "order.ts", "order", "--input", '{"id":"o1"}', "--id", "r1"]);
  expect(ended.code).toBe(0);
  const shown = await project.run(["runs", "show", "r1", "--json"]);
  const { operations } = JSON.parse(shown.stdout) as { operations: { name: string; state: string }[] };
  expect(operations.map(({ name, state }) => `${name} ${state}`)).toEqual([
    "charge completed",
    "sleep completed",
    "ship completed",
  ]);
});

test("a run that fails ends with 1, names the step and the reason, and how to try again", async () => {
  const project = createProject({ "order.ts": orderFile });
  const ended = await project.run(["run", "order.ts", "refund", "--id", "r1"]);
  expect(ended.code).toBe(1);
  expect(ended.stdout).toBe("");
  expect(ended.stderr).toMatch(/RUN_FAILED: Run r1 failed at step check-card, attempt 1: .*card was stolen/);
  expect(ended.stderr).toContain("perdure run order.ts --retry r1");
  expect(ended.stderr).not.toContain(escape);
});

test("run --retry has a failed run go on from the step that failed, with code that was mended", async () => {
  const project = createProject({ "order.ts": orderFile });
  expect((await project.run(["run", "order.ts", "refund", "--id", "r1"])).code).toBe(1);
  project.write("order.ts", orderFile.replace(/throw new FatalError\(.*\);/, 'return "fine";'));
  const again = await project.run(["run", "order.ts", "--retry", "r1"]);
  expect(again.code).toBe(0);
  expect(again.stderr).toContain("check-card");
});

test("retries are told with their reason", async () => {
  const project = createProject({ "order.ts": orderFile });
  const ended = await project.run(["run", "order.ts", "retried"]);
  expect(ended.stderr).toMatch(/↻ flaky attempt 1 failed: network is down; attempt 2 in /);
  expect(JSON.parse(ended.stdout)).toBe("up");
});

test("run --json writes one document for success and for failure", async () => {
  const project = createProject({ "order.ts": orderFile });
  const good = await project.run(["run", "order.ts", "order", "--input", '{"id":"o1"}', "--json"]);
  expect(JSON.parse(good.stdout)).toMatchObject({ status: "completed", output: { parcel: "parcel o1" } });
  const bad = await project.run(["run", "order.ts", "refund", "--json"]);
  expect(bad.code).toBe(1);
  expect(JSON.parse(bad.stdout)).toMatchObject({
    status: "failed",
    step: { name: "check-card", attempts: 1 },
    failure: { name: "FatalError" },
  });
});

test("the input comes from standard input or a file as well", async () => {
  const project = createProject({ "order.ts": orderFile, "in.json": '{"id":"file"}' });
  const piped = await project.run(["run", "order.ts", "order", "--input", "-"], { stdin: '{"id":"pipe"}' });
  expect(JSON.parse(piped.stdout)).toMatchObject({ parcel: "parcel pipe" });
  const fromFile = await project.run(["run", "order.ts", "order", "--input", "@in.json"]);
  expect(JSON.parse(fromFile.stdout)).toMatchObject({ parcel: "parcel file" });
});

test("a second start under the same key answers with the first run, and does nothing again", async () => {
  const project = createProject({ "order.ts": orderFile });
  const args = ["run", "order.ts", "order", "--input", '{"id":"o1"}', "--key", "o1", "--json"];
  const first = JSON.parse((await project.run(args)).stdout) as { id: string };
  const second = JSON.parse((await project.run(args)).stdout) as { id: string };
  expect(second).toEqual(first);
  expect(readFileSync(join(project.folder, "work.log"), "utf8")).toBe("charge\nship\n");
  const other = await project.run(["run", "order.ts", "order", "--input", '{"id":"o2"}', "--key", "o1"]);
  expect(other.code).toBe(2);
  expect(other.stderr).toMatch(/^KEY_CONFLICT: /m);
});

test("--no-wait starts and leaves the work to a worker", async () => {
  const project = createProject({ "order.ts": orderFile });
  const started = await project.run(["run", "order.ts", "order", "--input", '{"id":"o1"}', "--no-wait"]);
  expect(started.code).toBe(0);
  const listed = await project.run(["runs", "list", "--json"]);
  const { items } = JSON.parse(listed.stdout) as { items: { id: string; status: string }[] };
  expect(items).toMatchObject([{ id: started.stdout.trim(), status: "pending" }]);
});

test("--timeout ends the waiting and not the run", async () => {
  const project = createProject({ "order.ts": orderFile });
  const ended = await project.run(["run", "order.ts", "asleep", "--id", "a1", "--timeout", "300ms"]);
  expect(ended.code).toBe(3);
  expect(ended.stderr).toMatch(/^RESULT_TIMEOUT: Run "a1" did not end within 300ms/m);
  const shown = await project.run(["runs", "show", "a1"]);
  expect(shown.stdout).toMatch(/It is sleeping until /);
});

test("Ctrl-C keeps the run, and prints the command that goes on with it", async () => {
  const project = createProject({ "order.ts": orderFile });
  const running = project.start(["run", "order.ts", "long", "--input", "5", "--id", "l1"]);
  await running.until(/✓ slow/);
  running.process.kill("SIGINT");
  const ended = await running.ended;
  expect(ended.code).toBe(130);
  expect(ended.stderr).toContain("perdure run order.ts --continue l1");
  const again = await project.run(["run", "order.ts", "--continue", "l1"]);
  expect(again.code).toBe(0);
  expect(JSON.parse(again.stdout)).toBe(15);
  const log = readFileSync(join(project.folder, "work.log"), "utf8").trim().split("\n");
  expect(log).toEqual(["slow 1", "slow 2", "slow 3", "slow 4", "slow 5"]);
});

test("what a run prints while JSON was asked for never spoils the document", async () => {
  const noisy = `import { workflow } from "perdure"; console.log("loading");
export const noisy = workflow("noisy", async () => { console.log("{"); return new Map([["a", 1n]]); });`;
  const project = createProject({ "noisy.ts": noisy });
  const ended = await project.run(["run", "noisy.ts", "--json"]);
  expect(jsonLines(JSON.stringify(JSON.parse(ended.stdout)))).toMatchObject([{ output: [["a", "1"]] }]);
  expect(ended.stderr).toContain("loading\n");
});
