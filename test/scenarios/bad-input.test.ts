import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createEngine,
  map,
  mapSettled,
  PerdureError,
  silentLogger,
  sleep,
  step,
  stepInfo,
  workflow,
  type Engine,
  type ErrorCode,
  type StartOptions,
} from "perdure";
import { afterAll, test } from "vitest";
import { z } from "zod";
import { loadDriver } from "../../packages/perdure/src/stores/sqlite/driver.ts";
import { scenario, type Scene } from "./support/scene.ts";

const plain = workflow("plain", async (input: unknown) => input);
const checked = workflow(
  "checked",
  { input: z.object({ name: z.string(), tags: z.array(z.string()).default([]) }), output: z.string() },
  async (input) => `${input.name} ${input.tags.length}`,
);
const small = workflow("small", { limits: { payloadBytes: 100, depth: 5 } }, async (input: unknown) => input);

class Money {
  readonly cents = 5;
}

/** A refusal: its code, what it names, and what it advises. */
async function refused(attempt: Promise<unknown>, code: ErrorCode, ...says: RegExp[]): Promise<void> {
  const error = await attempt.then(
    () => assert.fail(`${code} was to be thrown`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof PerdureError, String(error));
  assert.equal(error.code, code, error.message);
  assert.ok(error.message.startsWith(`${code}: `));
  for (const pattern of says) assert.match(error.message, pattern);
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { inner: value };
  return value;
}

interface BadStart {
  what: string;
  start: (engine: Engine) => Promise<unknown>;
  code: ErrorCode;
  says: RegExp[];
}

const withOptions = (what: string, options: object, code: ErrorCode, ...says: RegExp[]): BadStart => ({
  what,
  start: (engine) => engine.start(plain, 1, options as StartOptions),
  code,
  says,
});

const badStarts: BadStart[] = [
  {
    what: "an unknown workflow",
    start: (engine) => engine.start("nobody-knows-me"),
    code: "UNKNOWN_WORKFLOW",
    says: [/"nobody-knows-me"/, /Import the module/, /Known: .*plain/],
  },
  withOptions("an unknown version", { version: "77" }, "UNKNOWN_WORKFLOW", /"plain" with version "77"/),
  {
    what: "an input with a function",
    start: (engine) => engine.start(plain, { order: { lines: [1, () => 1] } }),
    code: "UNSTORABLE_VALUE",
    says: [/The input of workflow "plain" cannot be stored at order\.lines\[1\]/, /Pass plain data/],
  },
  {
    what: "an input with an instance of a class",
    start: (engine) => engine.start(plain, { when: new Money() }),
    code: "UNSTORABLE_VALUE",
    says: [/at when/, /make a class instance plain first/],
  },
  {
    what: "an input that is too large",
    start: (engine) => engine.start(small, "x".repeat(99)),
    code: "VALUE_TOO_LARGE",
    says: [/takes 101 bytes, and the limit is 100/, /pass a reference/],
  },
  {
    what: "an input of 2 MB, by default",
    start: (engine) => engine.start(plain, "é".repeat(1_048_576)),
    code: "VALUE_TOO_LARGE",
    says: [/takes 2097154 bytes, and the limit is 1048576/],
  },
  {
    what: "an input that is too deep",
    start: (engine) => engine.start(small, nested(6)),
    code: "VALUE_TOO_DEEP",
    says: [/nested deeper than 5 levels/, /Flatten it/],
  },
  {
    what: "an input that is far too deep",
    start: (engine) => engine.start(plain, nested(200_000)),
    code: "VALUE_TOO_DEEP",
    says: [/nested deeper than 64 levels/],
  },
  {
    what: "an input that its schema rejects",
    start: (engine) => engine.start(checked, { name: 5, tags: ["a", 6] } as never),
    code: "INVALID_INPUT",
    says: [/The input of workflow "checked"/, /name: /, /tags\.1: /],
  },
  withOptions(
    "a delay that is no duration",
    { delay: "soon" },
    "INVALID_DURATION",
    /delay was given "soon"/,
    /one number and one of/,
  ),
  withOptions("a negative delay", { delay: -1 }, "INVALID_DURATION", /delay was given -1/),
  withOptions("a delay of two units", { delay: "1h30m" }, "INVALID_DURATION", /1h30m/),
  withOptions("a deadline that is no date", { deadline: new Date(NaN) }, "INVALID_DURATION", /invalid Date/),
  withOptions("a start that is no date", { startAt: new Date(NaN) }, "INVALID_DURATION", /invalid Date/),
  withOptions(
    "both a delay and a date",
    { delay: 1, startAt: new Date() },
    "INVALID_OPTION",
    /delay and startAt/,
  ),
  withOptions(
    "both an id and a key",
    { id: "a", idempotencyKey: "b" },
    "INVALID_OPTION",
    /two names for one run/,
  ),
  withOptions("an empty id", { id: "" }, "INVALID_OPTION", /id "" must be 1 to 200/),
  withOptions("a hostile id", { id: "'; DROP TABLE runs; --" }, "INVALID_OPTION", /DROP TABLE/),
  withOptions("an id that is too long", { id: "x".repeat(201) }, "INVALID_OPTION", /1 to 200/),
  withOptions("an empty key", { idempotencyKey: "" }, "INVALID_OPTION", /idempotencyKey/),
  withOptions("a key that is no text", { idempotencyKey: 7 }, "INVALID_OPTION", /idempotencyKey/),
  withOptions("a priority that is a fraction", { priority: 0.5 }, "INVALID_OPTION", /priority is 0\.5/),
  withOptions("a priority that is NaN", { priority: NaN }, "INVALID_OPTION", /priority is NaN/),
  withOptions("a priority that is too high", { priority: 101 }, "INVALID_OPTION", /-100 to 100/),
  withOptions("an attribute that is an object", { attributes: { a: {} } }, "INVALID_OPTION", /attribute "a"/),
  withOptions("an attribute that is NaN", { attributes: { a: NaN } }, "INVALID_OPTION", /attribute "a"/),
  withOptions(
    "an unknown onExisting",
    { onExisting: "replace" },
    "INVALID_OPTION",
    /onExisting is "replace"/,
  ),
];

for (const { what, start, code, says } of badStarts) {
  scenario(`a start with ${what} is refused with ${code}, before anything is written`, async (scene) => {
    const client = scene.node();
    await refused(start(client.engine), code, ...says);
    assert.deepEqual(await client.engine.count(), {});
    // And the engine goes on.
    assert.equal((await client.engine.start(plain, 1)).created, true);
  });
}

scenario("startMany writes nothing when one of its starts is refused", async (scene) => {
  const client = scene.node();
  const starts = [{ input: 1 }, { input: 2, options: { delay: "never" } }, { input: 3 }];
  await refused(client.engine.startMany(plain, starts), "INVALID_DURATION");
  assert.deepEqual(await client.engine.count(), {});
});

scenario(
  "a schema's defaults reach the workflow, and a result that its schema rejects fails the run",
  async (scene) => {
    const wrong = workflow("wrong-output", { output: z.object({ ok: z.boolean() }) }, async () => ({
      ok: "yes",
    }));
    const one = await scene.worker([checked, wrong]);
    assert.equal(await scene.settle((await one.engine.start(checked, { name: "ada" })).result()), "ada 0");
    const run = await one.engine.start(wrong);
    const error = await scene.settle(run.result()).catch((thrown: unknown) => thrown as Error);
    const { code, message } = (error as Error).cause as PerdureError;
    assert.equal(code, "INVALID_OUTPUT");
    assert.match(message, /The output of workflow "wrong-output".*ok: /);
  },
);

scenario("a step's schemas are checked, and a refusal is not tried again", async (scene) => {
  const calls: unknown[] = [];
  const typed = step(
    "typed",
    { input: z.object({ n: z.coerce.number() }), output: z.number().max(10) },
    async ({ n }) => {
      calls.push(n);
      return n;
    },
  );
  const flow = workflow("typed-steps", async () => {
    const results: unknown[] = [await typed({ n: "7" })];
    for (const input of [{ n: "x" }, { n: 11 }]) {
      results.push(await typed(input).catch((error: unknown) => (error as PerdureError).code));
    }
    return results;
  });
  const one = await scene.worker([flow]);
  assert.deepEqual(await scene.settle((await one.engine.start(flow)).result()), [
    7,
    "INVALID_INPUT",
    "INVALID_OUTPUT",
  ]);
  assert.deepEqual(calls, [7, 11]);
});

scenario("arguments that cannot be stored fail their step, and the function is not called", async (scene) => {
  let calls = 0;
  const takes = step("takes", async (value: unknown) => {
    calls++;
    return typeof value;
  });
  const flow = workflow("bad-arguments", async () => {
    const codes: unknown[] = [];
    for (const value of [() => 1, nested(100), "x".repeat(2_000_000)]) {
      codes.push(await takes(value).catch((error: unknown) => (error as PerdureError).code));
    }
    return codes;
  });
  const one = await scene.worker([flow]);
  const result = await scene.settle((await one.engine.start(flow)).result());
  assert.deepEqual(result, ["UNSTORABLE_VALUE", "VALUE_TOO_DEEP", "VALUE_TOO_LARGE"]);
  assert.equal(calls, 0);
});

scenario(
  "peers 5.8/68: a value at the hard limit goes through, one above it is refused",
  async (scene) => {
    const limits = { payloadBytes: 67_108_864, historyBytes: 1_000_000_000 };
    const flow = workflow(
      "huge",
      { limits },
      async (input: string) => `${await step.run("len", () => input.length)}${input.slice(-1)}`,
    );
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow, `${"x".repeat(67_108_861)}y`);
    assert.equal(await scene.settle(run.result()), "67108862y");
    await refused(one.engine.start(flow, "x".repeat(67_108_863)), "VALUE_TOO_LARGE");
  },
  { stores: ["sqlite"] },
);

scenario("every way to ask for a run that is not there says so", async (scene) => {
  const { engine } = scene.node();
  const run = engine.run("not-there");
  for (const ask of [
    run.status(),
    run.info(),
    run.history(),
    run.result(),
    run.terminate(),
    run.retry(),
    run.events().next(),
  ]) {
    await refused(ask, "RUN_NOT_FOUND", /"not-there"/, /Check the id and the store/);
  }
});

scenario("lists refuse what they cannot find by", async (scene) => {
  const { engine } = scene.node();
  await refused(engine.runs({}, "not-a-cursor"), "INVALID_CURSOR", /"not-a-cursor"/);
  await refused(engine.runs({}, null, { limit: 0 }), "INVALID_OPTION", /limit of a list is 0/);
  await refused(engine.runs({}, null, { limit: 1_001 }), "INVALID_OPTION");
  await refused(engine.runs({ status: "done" as never }), "INVALID_OPTION", /"done"/);
});

scenario(
  "peers 5.8/67: hostile names of workflows, steps, attributes and keys are only names",
  async (scene) => {
    const hostile = `x'); DROP TABLE runs; --"\`$(rm -rf)\${1}%_🎉`;
    const flow = workflow(hostile, { version: hostile }, async () => step.run(hostile, () => "fine"));
    const one = await scene.worker([flow]);
    const options = { idempotencyKey: hostile, attributes: { [hostile]: hostile } };
    const run = await one.engine.start(flow, undefined, options);
    assert.equal(await scene.settle(run.result()), "fine");
    const { items } = await one.engine.runs({
      workflow: hostile,
      version: hostile,
      attributes: options.attributes,
    });
    assert.deepEqual(
      items.map(({ id, workflow: name }) => [id, name]),
      [[run.id, hostile]],
    );
    const like = await one.engine.runs({ workflow: "%" });
    assert.deepEqual(like.items, []);
  },
);

const declarations: [string, () => unknown, ErrorCode, RegExp][] = [
  ["a workflow without a name", () => workflow("", async () => 1), "INVALID_NAME", /name ""/],
  ["a workflow whose name has a line break", () => workflow("a\nb", async () => 1), "INVALID_NAME", /a\\nb/],
  ["a step whose name is too long", () => step("x".repeat(201), async () => 1), "INVALID_NAME", /1 to 200/],
  [
    "a step with half a character in its name",
    () => step("a\ud800", async () => 1),
    "INVALID_NAME",
    /printable/,
  ],
  ["a name that is no text", () => workflow(5 as never, async () => 1), "INVALID_NAME", /name 5/],
  [
    "a workflow without a function",
    () => workflow("x", {}, undefined as never),
    "INVALID_OPTION",
    /was given no function/,
  ],
  [
    "a step without a function",
    () => step("x", {}, undefined as never),
    "INVALID_OPTION",
    /was given no function/,
  ],
  [
    "no attempts",
    () => step("x", { retry: { maxAttempts: 0 } }, async () => 1),
    "INVALID_OPTION",
    /retry\.maxAttempts of step "x" is 0/,
  ],
  [
    "half an attempt",
    () => step("x", { retry: { maxAttempts: 1.5 } }, async () => 1),
    "INVALID_OPTION",
    /1\.5/,
  ],
  [
    "an unknown back-off",
    () => step("x", { retry: { backoff: "random" as never } }, async () => 1),
    "INVALID_OPTION",
    /"exponential"/,
  ],
  [
    "a factor below 1",
    () => step("x", { retry: { factor: 0.5 } }, async () => 1),
    "INVALID_OPTION",
    /retry\.factor/,
  ],
  [
    "a jitter above 1",
    () => step("x", { retry: { jitter: 2 } }, async () => 1),
    "INVALID_OPTION",
    /retry\.jitter/,
  ],
  [
    "a timeout that is no duration",
    () => step("x", { timeout: "5 minutes" }, async () => 1),
    "INVALID_DURATION",
    /timeout of step "x"/,
  ],
  [
    "a deadline below zero",
    () => workflow("x", { deadline: -5 }, async () => 1),
    "INVALID_DURATION",
    /deadline of workflow "x"/,
  ],
  [
    "an unknown limit",
    () => workflow("x", { limits: { memory: 5 } as never }, async () => 1),
    "INVALID_OPTION",
    /limits\.memory/,
  ],
  [
    "a limit that is no number",
    () => workflow("x", { limits: { depth: NaN } }, async () => 1),
    "INVALID_OPTION",
    /limits\.depth/,
  ],
  [
    "a payload limit beyond the hard one",
    () => workflow("x", { limits: { payloadBytes: 1e12 } }, async () => 1),
    "INVALID_OPTION",
    /at most 67108864/,
  ],
  [
    "an unknown store",
    () => createEngine({ store: "mongodb://user:secret@host/db" }),
    "UNKNOWN_STORE",
    /"sqlite:\.\/file\.db"/,
  ],
  ["a SQLite store without a file", () => createEngine({ store: "sqlite:" }), "UNKNOWN_STORE", /sqlite/],
  [
    "a lease that is no duration",
    () => createEngine({ store: "memory:", lease: "10 s econds" }),
    "INVALID_DURATION",
    /lease of the engine/,
  ],
];

for (const [what, declare, code, says] of declarations) {
  test(`declaring ${what} is refused at once with ${code}`, async () => {
    await refused((async () => declare())(), code, says);
  });
}

test("a store's address is told without its password", async () => {
  const error = await (async () => createEngine({ store: "mongodb://user:secret@host/db" }))().catch(
    (e: unknown) => e as Error,
  );
  assert.ok(!(error as Error).message.includes("secret"));
});

scenario(
  "a worker refuses settings that cannot work, and duplicate or missing definitions",
  async (scene) => {
    const { engine } = scene.node();
    await refused(
      engine.work({ concurrency: 0, workflows: [plain] }),
      "INVALID_OPTION",
      /concurrency of a worker is 0/,
    );
    await refused(engine.work({ concurrency: 1e9, workflows: [plain] }), "INVALID_OPTION", /100000/);
    await refused(
      scene.node({ lease: 10 }).engine.work({ workflows: [plain] }),
      "INVALID_OPTION",
      /lease of a worker is 10 ms/,
    );
    await refused(engine.work({ workflows: [] }), "UNKNOWN_WORKFLOW", /no workflow/);
    assert.deepEqual(await engine.workers(), []);
  },
);

const outside: [string, () => Promise<unknown>, ErrorCode][] = [
  ["sleep()", () => sleep("1s"), "NOT_IN_RUN"],
  ["a workflow", () => workflow("called", async () => 1)(), "NOT_IN_RUN"],
  ["stepInfo()", async () => stepInfo(), "NOT_IN_RUN"],
];
for (const [what, call, code] of outside) {
  test(`${what} outside of a run is refused with ${code} and what to do`, async () => {
    await refused(call(), code, /start|step/);
  });
}

test("outside of a run a step is its function, and map is a map", async () => {
  const double = step("double", async (n: number) => n * 2);
  assert.deepEqual(await map([1, 2], double), [2, 4]);
  assert.deepEqual(await double.with({ timeout: "1s" })(4), 8);
  assert.equal(await step.run("x", () => 5), 5);
  assert.deepEqual(await mapSettled([1], double), [{ status: "fulfilled", value: 2 }]);
});

// Store files

const folder = mkdtempSync(join(tmpdir(), "perdure-bad-files-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
let files = 0;

/** An engine on a file that a test has prepared. */
async function onFile(
  prepare: (path: string) => void,
  check: (engine: Engine, path: string) => Promise<void>,
): Promise<void> {
  const path = join(folder, `${++files}.db`);
  prepare(path);
  const engine = createEngine({ store: `sqlite:${path}`, logger: silentLogger });
  try {
    await check(engine, path);
  } finally {
    await engine.close();
  }
}

test("a store file that is no database is STORE_CORRUPT, is left as it is, and the engine can be tried again", async () => {
  await onFile(
    (path) => writeFileSync(path, "This is a letter, not a database. ".repeat(100)),
    async (engine, path) => {
      const before = readFileSync(path);
      await refused(
        engine.start(plain, 1),
        "STORE_CORRUPT",
        /is no SQLite database\. It was left as it is/,
        /restore a backup/,
      );
      assert.deepEqual(readFileSync(path), before);
      rmSync(path);
      assert.equal((await engine.start(plain, 1)).created, true);
    },
  );
});

test("a database of another program is refused and not written to", async () => {
  const { DatabaseSync } = loadDriver();
  await onFile(
    (path) => {
      const db = new DatabaseSync(path);
      db.exec("CREATE TABLE customers (id INTEGER); INSERT INTO customers VALUES (1)");
      db.close();
    },
    async (engine, path) => {
      const before = readFileSync(path);
      await refused(
        engine.start(plain, 1),
        "STORE_CORRUPT",
        /tables of something else\. It was left as it is/,
      );
      assert.deepEqual(readFileSync(path), before);
    },
  );
});

test("a store file that is newer than the code is STORE_TOO_NEW, and is left as it is", async () => {
  const { DatabaseSync } = loadDriver();
  const path = join(folder, `${++files}.db`);
  const first = createEngine({ store: `sqlite:${path}`, logger: silentLogger });
  await first.open();
  await first.close();
  const db = new DatabaseSync(path);
  db.exec("PRAGMA user_version = 9999");
  db.close();
  const engine = createEngine({ store: `sqlite:${path}`, logger: silentLogger });
  await refused(engine.start(plain, 1), "STORE_TOO_NEW", /newer|update/i);
  await engine.close();
});

test(
  "a store file that another program keeps locked is STORE_LOCKED, and the next use succeeds when it is free",
  { timeout: 30_000 },
  async () => {
    const { DatabaseSync } = loadDriver();
    const { createSqliteStore } = await import("../../packages/perdure/src/stores/sqlite/sqlite-store.ts");
    const path = join(folder, `${++files}.db`);
    const first = createEngine({ store: `sqlite:${path}`, logger: silentLogger });
    await first.open();
    await first.close();
    const db = new DatabaseSync(path);
    db.exec("BEGIN EXCLUSIVE");
    const store = createSqliteStore({ path, lockTimeout: "200ms" });
    const engine = createEngine({ store, logger: silentLogger });
    await refused(
      engine.start(plain, 1),
      "STORE_LOCKED",
      /locked by another connection/,
      /raise lockTimeout/,
    );
    db.exec("ROLLBACK");
    db.close();
    assert.equal((await engine.start(plain, 1)).created, true);
    assert.deepEqual(await engine.count(), { pending: 1 });
    await engine.close();
  },
);

test("a store in a place that cannot be written is STORE_NOT_WRITABLE", async () => {
  const place = join(folder, "a-file");
  writeFileSync(place, "");
  const engine = createEngine({ store: `sqlite:${join(place, "perdure.db")}`, logger: silentLogger });
  await refused(
    engine.start(plain, 1),
    "STORE_NOT_WRITABLE",
    /could not be opened for writing/,
    /Check that its folder exists/,
  );
  await engine.close();
});

test.skipIf(process.getuid?.() === 0)(
  "a store in a folder of somebody else is STORE_NOT_WRITABLE",
  async () => {
    const place = join(folder, "closed");
    mkdirSync(place);
    chmodSync(place, 0o500);
    const engine = createEngine({ store: `sqlite:${join(place, "perdure.db")}`, logger: silentLogger });
    await refused(engine.start(plain, 1), "STORE_NOT_WRITABLE");
    assert.ok(!existsSync(join(place, "perdure.db")));
    await engine.close();
  },
);

scenario(
  "a full disk refuses a start with STORE_FULL; a run in work waits, and goes on when there is space",
  async (scene) => {
    const flow = workflow("full-disk", async () => {
      const value = await step.run("s", () => "value");
      await sleep("1s");
      return value;
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    const full = new PerdureError("STORE_FULL", "There is no space left.");
    one.tap.fail("commit", full, { times: 12 });
    one.tap.fail("create", full);
    await refused(one.engine.start(flow), "STORE_FULL");
    assert.equal(await scene.settle(run.result()), "value");
    assert.deepEqual(await one.engine.count(), { completed: 1 });
    assert.equal((await scene.events(run.id)).filter(({ type }) => type === "step.started").length, 1);
  },
);

async function corrupt(scene: Scene, runId: string, sql: string): Promise<void> {
  const { DatabaseSync } = loadDriver();
  const db = new DatabaseSync(scene.path);
  db.prepare(sql).run(runId);
  db.close();
}

scenario(
  "peers 5.8/69: after calls that were refused or failed, no connection is left in a transaction",
  async (scene) => {
    const { DatabaseSync } = loadDriver();
    const flow = workflow("left-open", async (isBad: boolean) => {
      if (isBad) throw new Error("bad");
      return step.run("s", { retry: { maxAttempts: 1 } }, () => () => "not storable");
    });
    const one = await scene.worker([flow]);
    const db = new DatabaseSync(scene.path);
    db.exec("PRAGMA busy_timeout = 0");
    const isFree = (): void => {
      db.exec("BEGIN IMMEDIATE");
      db.exec("ROLLBACK");
    };
    await refused(one.engine.start(flow, (() => 1) as never), "UNSTORABLE_VALUE");
    isFree();
    await one.engine.start(flow, true, { id: "taken" });
    await refused(one.engine.start(flow, false, { id: "taken" }), "ID_EXISTS");
    isFree();
    for (const isBad of [true, false]) {
      await scene.settle((await one.engine.start(flow, isBad)).result().catch(() => undefined));
      isFree();
    }
    // What fails inside of the driver, in the middle of a batch.
    db.exec("CREATE TRIGGER broken BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'broken'); END");
    const error = await one.engine.start(flow, true).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof PerdureError && error.code.startsWith("STORE_"));
    isFree();
    db.exec("DROP TRIGGER broken");
    await scene.settle((await one.engine.start(flow, true)).result().catch(() => undefined));
    isFree();
    db.close();
  },
  { stores: ["sqlite"] },
);

for (const [what, sql, code] of [
  [
    "a payload that is no value",
    "UPDATE events SET payload = '{broken' WHERE seq = 3 AND run = (SELECT number FROM runs WHERE id = ?)",
    "HISTORY_UNREADABLE",
  ],
  [
    "a type that only a newer version knows",
    "UPDATE events SET type = 'step.teleported' WHERE seq = 3 AND run = (SELECT number FROM runs WHERE id = ?)",
    "HISTORY_TOO_NEW",
  ],
] as const) {
  scenario(
    `peers 5.8/68 and reliability 5/47: a history with ${what} holds that run with ${code}, and the others go on`,
    async (scene) => {
      const flow = workflow("corrupted", async () => {
        const value = await step.run("s", () => "value");
        await sleep("5s");
        return value;
      });
      const one = await scene.worker([flow]);
      const [bad, good] = await one.engine.startMany(flow, [{ input: undefined }, { input: undefined }]);
      await scene.untilStill(
        async () => (await bad!.status()) === "suspended" && (await good!.status()) === "suspended",
      );
      one.kill();
      await corrupt(scene, bad!.id, sql);
      const two = await scene.worker([flow]);
      assert.equal(await scene.settle(two.engine.run(flow, good!.id).result()), "value");
      const info = await two.engine.run(bad!.id).info();
      assert.equal(info.status, "suspended");
      assert.ok(info.waitingFor?.kind === "code");
      assert.equal(info.waitingFor.code, code);
      await refused(two.engine.run(bad!.id).history(), code);
    },
    { stores: ["sqlite"] },
  );
}
