import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { selectDue, selectHead, takeRun } from "./claim.ts";
import { moveTexts } from "./commit.ts";
import { Connection } from "./connection.ts";
import { loadDriver } from "./driver.ts";
import { migrate } from "./schema.ts";

const db = new Connection(new (loadDriver().DatabaseSync)(":memory:"));
migrate(db, ":memory:");

function planOf(sql: string): string {
  return db
    .rows<[number, number, number, string]>(`EXPLAIN QUERY PLAN ${sql}`)
    .map((row) => row[3])
    .join("; ");
}

/** The indexes that a statement can write to. */
function writtenIndexes(sql: string): string[] {
  const program = db.rows<[address: number, opcode: string, cursor: number]>(`EXPLAIN ${sql}`);
  return program
    .map(([, opcode]) => opcode)
    .filter((opcode) => opcode.startsWith("Idx") && /Insert|Delete/.test(opcode));
}

test("a claim goes to the head of its lane, and asks no other table or order", () => {
  expect(planOf(selectHead)).toBe(
    "SEARCH runs USING COVERING INDEX runs_ready (queue=? AND workflow=? AND version=? AND priority<?)",
  );
});

test("a claim reads the due runs in their order and nothing that sleeps", () => {
  const plan = planOf(selectDue);
  expect(plan).toContain(
    "SEARCH runs USING INDEX runs_ready (queue=? AND workflow=? AND version=? AND priority=?",
  );
  expect(plan).toContain("wake_at<?");
  expect(plan).not.toContain("TEMP B-TREE");
});

test("a write in the middle of a run touches no index", () => {
  expect(writtenIndexes(takeRun)).not.toEqual([]);
  expect(writtenIndexes(moveTexts["goesOn owned"])).toEqual([]);
});

test("every write finds its run by its number", () => {
  for (const sql of Object.values(moveTexts)) {
    expect(planOf(sql)).toBe("SEARCH runs USING INTEGER PRIMARY KEY (rowid=?)");
  }
});

test("a list of all runs follows their creation and sorts nothing", () => {
  const list =
    "SELECT * FROM runs WHERE (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT 51";
  expect(planOf(list)).toBe("SEARCH runs USING INDEX runs_created ((created_at,id)<(?,?))");
});

test("a list of dead letters reads nothing else and sorts nothing", () => {
  for (const status of ["failed", "cancelled"]) {
    const list = `SELECT * FROM runs WHERE status = '${status}' ORDER BY created_at DESC, id DESC LIMIT 51`;
    expect(planOf(list)).toBe(`SCAN runs USING INDEX runs_${status}`);
  }
});

test("no statement binds a bare limit, which would be planned anew at each run", () => {
  for (const name of readdirSync(import.meta.dirname)) {
    if (name.endsWith(".test.ts")) continue;
    const code = readFileSync(`${import.meta.dirname}/${name}`, "utf8").replaceAll(/^ \*.*$/gm, "");
    expect(code, name).not.toMatch(/LIMIT \?(?! \+ 0)/);
  }
});
