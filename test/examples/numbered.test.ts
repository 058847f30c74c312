import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root, runProgram } from "./run-program.ts";

async function linesOf(file: string, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const { code, lines } = await runProgram(`examples/${file}`, { env });
  expect(code, lines.join("\n")).toBe(0);
  return lines;
}

test("01: two steps, a result and its history", async () => {
  const folder = mkdtempSync(join(tmpdir(), "perdure-examples-"));
  expect(
    await linesOf("01-first-workflow.ts", { PERDURE_STORE: `sqlite:${join(folder, "perdure.db")}` }),
  ).toEqual([
    "brewing tea",
    "serving Ada at 82 degrees",
    "result: tea for Ada",
    "recorded:",
    "  1 run.created",
    "  2 step.started",
    "  3 step.completed",
    "  4 step.started",
    "  5 step.completed",
    "  6 run.completed",
  ]);
  rmSync(folder, { recursive: true });
});

test("02: failures are tried again, caught, or the end of the run", async () => {
  expect(await linesOf("02-retries-and-errors.ts")).toEqual([
    "no money: the account does not have 50000 cents",
    "oracle: attempt 1",
    "oracle: attempt 2",
    "oracle: attempt 3",
    "result: { fee: 1000, advice: 'know thyself' }",
    "failed: TypeError, the door is locked",
    "kept for later: the run is failed, and run.retry() would go on from that step",
  ]);
});

test("03: a run sleeps while no worker is there, and wakes up in another", async () => {
  expect(await linesOf("03-sleep.ts")).toEqual([
    "mail: welcome",
    "the run is suspended: sleeping until its time comes",
    "the worker has gone home",
    "another one has come",
    "mail: your trial has ended",
    "it slept for at least 400 ms: true",
  ]);
});

test("04: many steps at once, no more than allowed, in order", async () => {
  expect(await linesOf("04-parallel-work.ts")).toEqual([
    "both at once: cover.jpg@1200 and cover.jpg@200",
    "20 pages in order: page-1.jpg@800 … page-20.jpg@800, never more than 4 at a time",
    "scan: a.png@400",
    "scan failed: broken.png is no picture",
    "scan: c.png@400",
  ]);
});

test("05: races, attempts and runs end in time", async () => {
  const lines = await linesOf("05-races-and-timeouts.ts");
  // The losers of a race say so when their signal reaches them, at their own time.
  expect(lines.filter((line) => !line.includes("no longer needed"))).toEqual([
    "Iris takes it",
    "nobody takes it",
    "tracked, at attempt 3",
    "too late: DEADLINE_EXCEEDED",
  ]);
  expect(lines.filter((line) => line === "Hermes is no longer needed")).toHaveLength(2);
  expect(lines.filter((line) => line === "Iris is no longer needed")).toHaveLength(1);
});

test("06: one key makes one run", async () => {
  expect(await linesOf("06-idempotent-starts.ts")).toEqual([
    "three starts made 1 run",
    "shipping A-1",
    "result: parcel of A-1",
    "a start after its end made a new one: false",
    "the same key with another input: KEY_CONFLICT",
    "shipping A-2",
    "by its id: parcel of A-2",
  ]);
});

test("07: schemas refuse what does not fit, by name", async () => {
  const lines = await linesOf("07-schemas.ts");
  expect(lines.slice(0, 2)).toEqual([
    "signing up ada@example.com for free, born in 1815",
    "result: { id: 'acc_1', email: 'ada@example.com' }",
  ]);
  expect(lines[2]).toMatch(/^refused before anything was written: INVALID_INPUT: .* email: .*; bornAt: /);
  expect(lines[4]).toMatch(
    /INVALID_OUTPUT: The result of step "create-account" does not fit its schema\. id: /,
  );
  expect(lines[5]).toBe("runs: { completed: 1, failed: 1 }");
});

test("08: a thousand steps", async () => {
  const lines = await linesOf("08-a-thousand-steps.ts");
  expect(lines[0]).toBe("the sum of 1 to 1000 is 500500");
  expect(lines[1]).toMatch(/^the first 100 steps took .* ms each, the last 100 .* ms$/);
  expect(lines[2]).toBe("2002 events are on disk");
});

test("09: a killed load goes on where it stopped, and comes out right", async () => {
  const lines = await linesOf("09-etl-over-a-file/main.ts");
  const [, chunksBefore] = /^killed the worker after (\d+) chunks; the run is running$/.exec(lines[0]!) ?? [];
  expect(Number(chunksBefore)).toBeGreaterThanOrEqual(15);
  expect(Number(chunksBefore)).toBeLessThan(32);
  expect(lines[1]).toBe("a second worker finished: 50000 rows in 32 chunks");
  expect(lines[2]).toMatch(/^chunks that were loaded twice: [01]$/);
  expect(lines.slice(3)).toEqual([
    "  Abha     10000 rows, 197.5 on average, right",
    "  Bergen   10000 rows, 201.5 on average, right",
    "  Cairo    10000 rows, 200.5 on average, right",
    "  Dodoma   10000 rows, 199.5 on average, right",
    "  Erzurum  10000 rows, 198.5 on average, right",
  ]);
});

test("10: an agent calls tools until it knows", async () => {
  const lines = await linesOf("10-agent-loop/main.ts");
  expect(lines).toContain("model: 529 overloaded");
  expect(lines).toContain('tool: error: there is no tool "almanac"');
  expect(lines.at(-1)).toBe("answer: Cairo is 25 degrees warmer than Oslo. I could not look up records.");
});

test("the list of examples names each of them, with the command in its header", () => {
  const readme = readFileSync(join(root, "examples/README.md"), "utf8");
  for (const name of readdirSync(join(root, "examples"))) {
    if (!/^\d\d-/.test(name)) continue;
    expect(readme).toContain(`(${name}`);
    const file = name.endsWith(".ts") ? name : `${name}/main.ts`;
    expect(readFileSync(join(root, "examples", file), "utf8")).toContain(`npx tsx examples/${file}`);
  }
});
