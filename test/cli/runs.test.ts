import { expect, test } from "vitest";
import { createProject, orderFile, type Project } from "./project.ts";

const escape = "\u001b";

async function startRuns(project: Project): Promise<void> {
  await project.run(["run", "order.ts", "order", "--input", '{"id":"o1"}', "--id", "o1"]);
  await project.run(["run", "order.ts", "refund", "--id", "f1"]);
  await project.run(["run", "order.ts", "asleep", "--id", "a1", "--timeout", "200ms"]);
}

test("runs list shows newest first, filters, and pages by its cursor", async () => {
  const project = createProject({ "order.ts": orderFile });
  await startRuns(project);
  const table = await project.run(["runs", "list"]);
  expect(table.stdout.split("\n").map((line) => line.split(/ {2,}/).slice(0, 3).join(" "))).toEqual([
    "ID WORKFLOW STATUS",
    "a1 asleep suspended",
    "f1 refund failed",
    "o1 order completed",
    "",
  ]);
  expect(table.stdout).toContain("sleeping until");
  expect(table.stdout).not.toContain(escape);
  type List = { items: { id: string }[]; cursor: string | null };
  const failed = JSON.parse(
    (await project.run(["runs", "list", "--status", "failed", "--json"])).stdout,
  ) as List;
  expect(failed.items.map(({ id }) => id)).toEqual(["f1"]);
  const first = JSON.parse((await project.run(["runs", "list", "--limit", "2", "--json"])).stdout) as List;
  const rest = await project.run(["runs", "list", "--cursor", first.cursor!, "--json"]);
  expect((JSON.parse(rest.stdout) as List).items.map(({ id }) => id)).toEqual(["o1"]);
});

test("runs show says in a sentence where the run stands, and has a row for each operation", async () => {
  const project = createProject({ "order.ts": orderFile });
  await startRuns(project);
  const waiting = await project.run(["runs", "show", "a1"]);
  expect(waiting.stdout).toMatch(/^Run a1 of workflow asleep: suspended\nIt is sleeping until .*\(in 59m/);
  const done = await project.run(["runs", "show", "o1"]);
  expect(done.stdout).toMatch(/It completed in /);
  expect(done.stdout).toMatch(/^1 {2}charge +completed +1 .*\{ paid: 10 \}$/m);
  expect(done.stdout).toMatch(/^2 {2}sleep +completed /m);
  const failed = await project.run(["runs", "show", "f1"]);
  expect(failed.stdout).toMatch(/It failed after .* at step check-card, attempt 1: card was stolen/);
  expect(failed.stderr).toContain("perdure runs retry f1");
  expect(failed.stdout + done.stdout + waiting.stdout).not.toContain(escape);
  const events = await project.run(["runs", "show", "o1", "--events", "--json"]);
  const document = JSON.parse(events.stdout) as { events: { type: string }[]; input: unknown };
  expect(document.input).toEqual({ id: "o1" });
  expect(document.events.map(({ type }) => type)).toEqual([
    "run.created",
    "step.started",
    "step.completed",
    "timer.started",
    "timer.fired",
    "step.started",
    "step.completed",
    "run.completed",
  ]);
});

test("runs retry and runs terminate do so, and say when they cannot", async () => {
  const project = createProject({ "order.ts": orderFile });
  await startRuns(project);
  expect((await project.run(["runs", "retry", "f1"])).stdout).toMatch(/goes on from where it failed/);
  const refused = await project.run(["runs", "retry", "o1"]);
  expect(refused.stderr).toMatch(/^RUN_NOT_FAILED: /);
  expect(refused.code).toBe(2);
  const ended = await project.run(["runs", "terminate", "a1", "--reason", "not needed", "--json"]);
  expect(JSON.parse(ended.stdout)).toEqual({ id: "a1", terminated: true, status: "cancelled" });
  expect((await project.run(["runs", "terminate", "a1"])).stdout).toMatch(/had ended before/);
  expect((await project.run(["runs", "show", "a1"])).stdout).toMatch(/It was cancelled after .*: not needed/);
});

test("asking a folder without a store makes none", async () => {
  const project = createProject({});
  const listed = await project.run(["runs", "list", "--json"]);
  expect(JSON.parse(listed.stdout)).toEqual({ items: [], cursor: null });
  expect(listed.stderr).toMatch(/does not exist yet/);
  expect((await project.run(["runs", "list"])).stderr).toMatch(/does not exist yet/);
});

test("the store is the option's, else the environment's, else the configuration's", async () => {
  const project = createProject({
    "order.ts": orderFile,
    "perdure.config.ts":
      'import { defineConfig } from "perdure";\nconst store: string = "sqlite:./config.db";\nexport default defineConfig({ store });\n',
  });
  const start = (id: string, args: string[], env = {}): Promise<unknown> =>
    project.run(["run", "order.ts", "order", "--input", '{"id":"x"}', "--no-wait", "--id", id, ...args], {
      env,
    });
  await start("config", []);
  await start("env", [], { PERDURE_STORE: "sqlite:./env.db" });
  await start("option", ["--store", "sqlite:./option.db"], { PERDURE_STORE: "sqlite:./env.db" });
  for (const name of ["config", "env", "option"]) {
    const listed = await project.run(["runs", "list", "--json", "--store", `sqlite:./${name}.db`]);
    expect((JSON.parse(listed.stdout) as { items: { id: string }[] }).items.map(({ id }) => id)).toEqual([
      name,
    ]);
  }
});
