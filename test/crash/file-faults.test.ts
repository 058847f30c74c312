import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, open as openFile, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "vitest";
import {
  createEngine,
  PerdureError,
  silentLogger,
  sleep,
  step,
  workflow,
  type Engine,
  type ErrorCode,
} from "../../packages/perdure/src/index.ts";
import { loadDriver } from "../../packages/perdure/src/stores/sqlite/driver.ts";
import { createSqliteStore } from "../../packages/perdure/src/stores/sqlite/sqlite-store.ts";

/** Only root may mount the small and the read-only disk of these tests. Without it they are named as skipped. */
const canMount = (() => {
  try {
    execFileSync("unshare", ["--mount", "true"], { stdio: "ignore" });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
})();

const leaseMs = 1_000;

let folder: string;
let mounts: string[];
let engines: Engine[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "perdure-faults-"));
  mounts = [];
  engines = [];
});
afterEach(async () => {
  for (const engine of engines) await engine.close({ drain: false });
  // Lazily: the SQLite package keeps a file open until its statements are collected.
  for (const mount of mounts.reverse()) execFileSync("umount", ["--lazy", mount]);
  await rm(folder, { recursive: true, force: true });
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const work = step(
  "work",
  { retry: { maxAttempts: 3, initialDelay: 10 } },
  async (index: number, ms: number) => {
    await pause(ms);
    return index;
  },
);
/** Steps all along the fault, so that it meets commits, back-offs and sleeps. */
const long = workflow("long", async (steps: number) => {
  const done: number[] = [];
  for (let index = 0; index < steps; index++) {
    done.push(await work(index, 20));
    if (index % 5 === 4) await sleep(20);
  }
  return done;
});
const large = workflow("large", async (text: string) => text.length);

function open(path: string, lockTimeout = 200): Engine {
  const engine = createEngine({
    store: createSqliteStore({ path, lockTimeout }),
    lease: leaseMs,
    logger: silentLogger,
  });
  engines.push(engine);
  return engine;
}

async function refusal(call: Promise<unknown>): Promise<ErrorCode | "none"> {
  try {
    await call;
    return "none";
  } catch (error) {
    if (error instanceof PerdureError) return error.code;
    throw error;
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

async function mountSmall(size: string): Promise<string> {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder]);
  mounts.push(folder);
  return folder;
}

/** Takes all space that is left, while others are writing. Answers what gives it back. */
async function fillDisk(path: string): Promise<() => Promise<void>> {
  const ballast = join(path, "ballast");
  const file = await openFile(ballast, "w");
  const page = Buffer.alloc(4_096);
  try {
    for (;;) await file.write(page);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
  } finally {
    await file.close();
  }
  return () => rm(ballast);
}

for (const [name, fullMs] of [
  ["shorter than the lease", leaseMs / 2],
  ["longer than the lease", leaseMs * 2.5],
] as const) {
  test.skipIf(!canMount)(
    `a disk that is full for ${name}: starts are refused whole, and running work goes on by itself`,
    async () => {
      const path = join(await mountSmall("3m"), "store.db");
      const engine = open(path);
      await engine.work();
      const running = await engine.start(long, 30);
      await until(async () => (await running.info()).eventCount > 10);
      const free = await fillDisk(folder);
      const fullSince = performance.now();
      // What is left of the last pages may still take a small one.
      const codes: string[] = [];
      for (let index = 0; index < 8; index++)
        codes.push(
          await refusal(engine.start(large, "x".repeat(200_000), { idempotencyKey: `large ${index}` })),
        );
      assert.ok(codes.includes("STORE_FULL"), `starts on a full disk: ${codes.join(", ")}`);
      assert.ok(
        codes.every((code) => code === "STORE_FULL" || code === "none"),
        codes.join(", "),
      );
      const taken = codes.filter((code) => code === "none").length;
      assert.equal((await engine.runs({ workflow: "large" })).items.length, taken, "nothing is half-written");
      await pause(fullMs - (performance.now() - fullSince));
      await free();
      assert.deepEqual(await running.result({ timeout: "15s" }), upTo(30));
      // The same starts again: those that were refused begin now, none begins twice.
      for (let index = 0; index < 8; index++) {
        const run = await engine.start(large, "x".repeat(200_000), { idempotencyKey: `large ${index}` });
        assert.equal(run.created, codes[index] !== "none");
        assert.equal(await run.result({ timeout: "15s" }), 200_000);
      }
      assert.equal(await refusal(integrity(path)), "none");
    },
  );
}

test.skipIf(!canMount)("a disk that is full when a store is first opened", async () => {
  const path = join(await mountSmall("1m"), "store.db");
  const free = await fillDisk(folder);
  const engine = open(path);
  assert.equal(await refusal(engine.start(long, 1)), "STORE_FULL");
  await free();
  await engine.work();
  assert.deepEqual(await (await engine.start(long, 3)).result({ timeout: "10s" }), upTo(3));
});

test.skipIf(!canMount)(
  "a store on a read-only disk is refused, and works when the disk may be written",
  async () => {
    const path = join(folder, "store.db");
    const before = open(path);
    const run = await before.start(long, 4);
    await before.close();
    execFileSync("mount", ["--bind", folder, folder]);
    mounts.push(folder);
    execFileSync("mount", ["-o", "remount,ro,bind", folder]);
    const bytes = await readFile(path);
    const engine = open(path);
    assert.equal(await refusal(engine.start(long, 1)), "STORE_NOT_WRITABLE");
    assert.equal(await refusal(engine.work()), "STORE_NOT_WRITABLE");
    assert.deepEqual(await readFile(path), bytes);
    execFileSync("mount", ["-o", "remount,rw,bind", folder]);
    await engine.work();
    assert.deepEqual(await engine.run(long, run.id).result({ timeout: "10s" }), upTo(4));
  },
);

for (const [name, lockedMs] of [
  ["longer than a call waits for it", 600],
  ["longer than the lease", leaseMs * 2.5],
] as const) {
  test(`a file that another program locks for ${name}: calls say so, and live runs survive`, async () => {
    const path = join(folder, "store.db");
    const engine = open(path);
    await engine.work();
    const running = await engine.start(long, 30);
    await until(async () => (await running.info()).eventCount > 10);
    const locker = new (loadDriver().DatabaseSync)(path);
    locker.exec("PRAGMA busy_timeout = 2000; BEGIN IMMEDIATE");
    const lockedSince = performance.now();
    assert.equal(await refusal(engine.start(long, 1, { id: "refused" })), "STORE_LOCKED");
    assert.equal(await refusal(engine.run("refused").status()), "RUN_NOT_FOUND");
    await pause(lockedMs - (performance.now() - lockedSince));
    locker.exec("ROLLBACK");
    locker.close();
    assert.deepEqual(await running.result({ timeout: "15s" }), upTo(30));
    const again = await engine.start(long, 1, { id: "refused" });
    assert.ok(again.created, "the refused start left nothing");
  });
}

test("a store file that was replaced by garbage is refused and left as it is; its backup goes on", async () => {
  const path = join(folder, "store.db");
  const before = open(path);
  const run = await before.start(long, 6);
  await before.close();
  await copyFile(path, join(folder, "backup"));
  const garbage = Buffer.alloc(20_000, "garbage ");
  await writeFile(path, garbage);
  const engine = open(path);
  assert.equal(await refusal(engine.start(long, 1)), "STORE_CORRUPT");
  assert.equal(await refusal(engine.work()), "STORE_CORRUPT");
  assert.deepEqual(await readFile(path), garbage);
  await copyFile(join(folder, "backup"), path);
  await engine.work();
  assert.deepEqual(await engine.run(long, run.id).result({ timeout: "10s" }), upTo(6));
});

test("a file that is overwritten under live runs: calls say so, and the process lives", async () => {
  const path = join(folder, "store.db");
  const engine = open(path);
  await engine.work();
  const running = await engine.start(long, 400);
  await until(async () => (await running.info()).eventCount > 10);
  // What was committed is in the database itself, and no page of it is left as it was.
  const other = new (loadDriver().DatabaseSync)(path);
  other.exec("PRAGMA busy_timeout = 2000; PRAGMA wal_checkpoint(TRUNCATE)");
  other.close();
  await writeFile(path, Buffer.alloc(4096 * 200, 0x5a));
  const fresh = open(path);
  assert.equal(await refusal(fresh.start(long, 1)), "STORE_CORRUPT");
  // A page that is in memory may still serve a call or two; what is certain is that none of them hangs or kills.
  const codes = new Set<string>();
  for (let index = 0; index < 20; index++) {
    codes.add(await refusal(engine.start(long, 1)));
    await pause(20);
  }
  for (const code of codes) assert.match(code, /^(none|STORE_\w+)$/);
});

async function integrity(path: string): Promise<void> {
  const database = new (loadDriver().DatabaseSync)(path);
  try {
    const answer = database.prepare("PRAGMA integrity_check").get() as { integrity_check: string };
    assert.equal(answer.integrity_check, "ok");
  } finally {
    database.close();
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const endsAt = performance.now() + 10_000; !(await isSo());) {
    assert.ok(performance.now() < endsAt, "it did not come true within 10 s");
    await pause(10);
  }
}
