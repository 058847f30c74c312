import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { NewRun, Store } from "../../store.ts";
import { Connection } from "./connection.ts";
import { loadDriver } from "./driver.ts";
import { migrate, schemaVersion } from "./schema.ts";
import { createSqliteStore } from "./sqlite-store.ts";
import { Transactions } from "./transaction.ts";

const folder = mkdtempSync(join(tmpdir(), "perdure-sqlite-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let fileCount = 0;
const newPath = (): string => join(folder, `${++fileCount}`, "store.db");

const { DatabaseSync } = loadDriver();

function run(id: string): NewRun {
  return {
    id,
    kind: "workflow",
    queue: "default",
    workflow: "order",
    version: "1",
    priority: 0,
    startAt: null,
    startAfterMs: null,
    deadlineAt: null,
    deadlineAfterMs: null,
    idempotencyKey: null,
    inputHash: null,
    attempt: 1,
    predecessorId: null,
    replaces: null,
    attributes: {},
    created: { body: null, payload: "1" },
  };
}

async function opened(path = newPath(), lockTimeout = "5s"): Promise<Store> {
  const store = createSqliteStore({ path, lockTimeout, durability: "process" });
  await store.open();
  return store;
}

/** A file with what `sql` makes, as another program would leave it. */
function fileWith(sql: string): string {
  const path = newPath();
  mkdirSync(dirname(path));
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
  return path;
}

async function expectRefusedUntouched(path: string, code: string): Promise<void> {
  const before = readFileSync(path);
  await expect(createSqliteStore({ path }).open()).rejects.toMatchObject({ code });
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(existsSync(`${path}-wal`)).toBe(false);
}

/** Runs code in a process of its own; `said` settles with its first line. */
function startProcess(code: string) {
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: import.meta.dirname,
  });
  const said = new Promise<string>((resolve) =>
    child.stdout.once("data", (data) => resolve(String(data).trim())),
  );
  const ended = new Promise<number | null>((resolve) => child.once("exit", (exitCode) => resolve(exitCode)));
  return { child, said, ended };
}

const source = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);

test("opening makes the folder and the file", async () => {
  const path = newPath();
  await (await opened(path)).close();
  expect(statSync(path).size).toBeGreaterThan(0);
});

test("a text file is refused and left as it is", async () => {
  const path = fileWith("CREATE TABLE t (a)");
  writeFileSync(path, "name,amount\n".repeat(100));
  await expectRefusedUntouched(path, "STORE_CORRUPT");
});

test("another program's database is refused and left as it is", async () => {
  await expectRefusedUntouched(fileWith("CREATE TABLE customers (name)"), "STORE_CORRUPT");
  await expectRefusedUntouched(fileWith("PRAGMA application_id = 7; CREATE TABLE t (a)"), "STORE_CORRUPT");
});

test("a database without anything in it becomes a store", async () => {
  const path = fileWith("CREATE TABLE t (a); DROP TABLE t");
  const store = await opened(path);
  expect((await store.health()).schemaVersion).toBe(schemaVersion);
  await store.close();
});

test("a newer schema is refused and left as it is", async () => {
  const path = fileWith(
    "PRAGMA application_id = 0x50657264; PRAGMA user_version = 999; CREATE TABLE newer (a)",
  );
  await expectRefusedUntouched(path, "STORE_TOO_NEW");
});

test("a damaged page is STORE_CORRUPT", async () => {
  const path = newPath();
  const store = await opened(path);
  await store.create([run("a")]);
  await store.close();
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0xff, 4096));
  const damaged = createSqliteStore({ path });
  await expect(damaged.open().then(() => damaged.create([run("b")]))).rejects.toMatchObject({
    code: "STORE_CORRUPT",
  });
  await damaged.close();
});

test("a path that cannot be written is STORE_NOT_WRITABLE", async () => {
  const path = newPath();
  await (await opened(path)).close();
  for (const impossible of [join(path, "below", "a.db"), "/proc/perdure/a.db", join(path, "..")]) {
    await expect(createSqliteStore({ path: impossible }).open()).rejects.toMatchObject({
      code: "STORE_NOT_WRITABLE",
    });
  }
});

test("a full disk is STORE_FULL, leaves nothing of the call, and passes", async () => {
  const db = new Connection(new DatabaseSync(join(folder, "full.db")));
  const transactions = new Transactions({
    path: "full.db",
    lockTimeoutMs: 0,
    now: Date.now,
    connection: () => db,
  });
  await transactions.write(() => migrate(db, "full.db"));
  const pages = db.row<[number]>("PRAGMA page_count")![0];
  const insert = (connection: Connection): void => {
    for (let index = 0; index < 100; index++)
      connection.run("INSERT INTO attributes VALUES (?, ?, 1)", `a${index}`, "x".repeat(3000));
  };
  db.exec(`PRAGMA max_page_count = ${pages + 5}`);
  await expect(transactions.write(insert)).rejects.toMatchObject({ code: "STORE_FULL" });
  expect(db.row("SELECT count(*) FROM attributes")).toEqual([0]);
  db.exec("PRAGMA max_page_count = 1000000");
  await transactions.write(insert);
  expect(db.row("SELECT count(*) FROM attributes")).toEqual([100]);
  db.close();
});

test("waiting for another program's lock does not stop the event loop, and ends with STORE_LOCKED", async () => {
  const path = newPath();
  const store = await opened(path, "300ms");
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  let longestGapMs = 0;
  let seenAt = performance.now();
  const ticker = setInterval(() => {
    longestGapMs = Math.max(longestGapMs, performance.now() - seenAt);
    seenAt = performance.now();
  }, 1);
  const beganAt = performance.now();
  await expect(store.create([run("a")])).rejects.toMatchObject({ code: "STORE_LOCKED" });
  clearInterval(ticker);
  expect(performance.now() - beganAt).toBeGreaterThanOrEqual(300);
  expect(longestGapMs).toBeLessThan(200);
  expect(await store.run("a")).toBeUndefined();
  other.exec("ROLLBACK");
  expect((await store.create([run("a")]))[0]?.status).toBe("created");
  other.close();
  await store.close();
});

test("a write goes on as soon as the lock is given back", async () => {
  const path = newPath();
  const store = await opened(path);
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const written = store.create([run("a")]);
  setTimeout(() => other.exec("COMMIT"), 60);
  expect((await written)[0]?.status).toBe("created");
  other.close();
  await store.close();
});

test("closing rejects what waits for a lock", async () => {
  const path = newPath();
  const store = await opened(path);
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const written = store.create([run("a")]);
  const refused = expect(written).rejects.toMatchObject({ code: "ALREADY_CLOSED" });
  await store.close();
  await refused;
  await store.close();
  other.close();
});

test("idle claims go through while another program holds the lock", async () => {
  const path = newPath();
  const store = await opened(path, 0 as never);
  const lane = { queue: "default", workflow: "order", version: "1" };
  await store.register({
    id: "w",
    leaseMs: 60_000,
    host: "h",
    pid: 1,
    version: "1",
    lanes: [lane],
    concurrency: 1,
  });
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const claimed = await store.claim({ workerId: "w", lanes: [lane], limit: 1, claim: "c", hot: new Map() });
  expect(claimed).toMatchObject({ live: true, runs: [] });
  expect((await store.expire(10)).freed).toBe(0);
  expect(await store.unhold([lane])).toBe(0);
  other.exec("ROLLBACK");
  other.close();
  await store.close();
});

test("ten processes that open a new file at once make its tables once", { timeout: 60_000 }, async () => {
  const path = newPath();
  const code = `
    const { createSqliteStore } = await import(${source("sqlite-store.ts")});
    const store = createSqliteStore({ path: ${JSON.stringify(path)}, lockTimeout: "30s" });
    await store.open();
    console.log((await store.health()).schemaVersion);
    await store.close();`;
  const processes = Array.from({ length: 10 }, () => startProcess(code));
  const versions = await Promise.all(processes.map(({ said }) => said));
  expect(versions).toEqual(Array(10).fill(String(schemaVersion)));
  expect(await Promise.all(processes.map(({ ended }) => ended))).toEqual(Array(10).fill(0));
});

test("ten connections of one process that open a new file at once make its tables once", async () => {
  const path = newPath();
  const stores = Array.from({ length: 10 }, () => createSqliteStore({ path }));
  await Promise.all(stores.map((store) => store.open()));
  await Promise.all(stores.map((store) => store.close()));
});

test("of a process that is killed in mid-transaction nothing stays, and nobody waits for it", async () => {
  const path = newPath();
  const store = await opened(path);
  await store.create([run("before")]);
  const { child, said, ended } = startProcess(`
    const { loadDriver } = await import(${source("driver.ts")});
    const database = new (loadDriver().DatabaseSync)(${JSON.stringify(path)});
    database.exec("PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE runs SET status = 'failed'");
    database.exec("CREATE TABLE large AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) SELECT i FROM n");
    console.log("written");
    setInterval(() => undefined, 1000);`);
  expect(await said).toBe("written");
  child.kill("SIGKILL");
  await ended;
  expect((await store.create([run("after")]))[0]?.status).toBe("created");
  expect((await store.run("before"))?.run.status).toBe("pending");
  await store.close();
});

test("no warning of Node's SQLite reaches the terminal", async () => {
  const { child, ended } = startProcess(`
    process.on("warning", (warning) => { if (/SQLite/.test(warning.message)) process.exitCode = 9; });
    const emitWarning = process.emitWarning;
    const { loadDriver } = await import(${source("driver.ts")});
    loadDriver();
    if (process.emitWarning !== emitWarning) process.exitCode = 8;`);
  child.stdout.resume();
  expect(await ended).toBe(0);
});

test("a store hears of another's commit, and not of its own", async () => {
  const path = newPath();
  const [left, right] = [await opened(path), await opened(path)];
  let heard = 0;
  let tell: () => void;
  const firstChange = new Promise<void>((resolve) => (tell = resolve));
  const end = left.watch!(() => {
    heard++;
    tell();
  });
  await left.create([run("own")]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(heard).toBe(0);
  await right.create([run("other")]);
  await firstChange;
  end();
  await left.close();
  await right.close();
});
