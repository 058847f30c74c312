import assert from "node:assert/strict";
import type { PerdureError } from "perdure";
import { now, sleep, step, workflow, type Engine, type RunHandle, type StartOptions } from "perdure";
import { gate } from "./support/gate.ts";
import { scenario } from "./support/scene.ts";

const echo = workflow("echo", async (input: { n: number }) => step.run("echo", () => input.n));

scenario("peers 5.3/31: a hundred starts of one id, in two processes at once, are one run", async (scene) => {
  let calls = 0;
  const flow = workflow("once-started", async () => step.run("s", () => ++calls));
  const one = await scene.worker([flow]);
  const two = await scene.worker([flow]);
  for (const options of [{ id: "the-one" }, { idempotencyKey: "the-one" }]) {
    calls = 0;
    const runs = await scene.settle(
      Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          (n % 2 === 0 ? one : two).engine.start(flow, undefined, options),
        ),
      ),
    );
    assert.equal(new Set(runs.map(({ id }) => id)).size, 1);
    assert.equal(runs.filter(({ created }) => created).length, 1);
    for (const run of runs) assert.equal(await scene.settle(run.result()), 1);
  }
  assert.deepEqual(await one.engine.count(), { completed: 2 });
});

scenario("a key answers with its run after that run has ended, and after a restart", async (scene) => {
  const one = await scene.worker([echo]);
  const first = await one.engine.start(echo, { n: 1 }, { idempotencyKey: "k" });
  await scene.settle(first.result());
  one.kill();
  const client = scene.node();
  const again = await client.engine.start(echo, { n: 1 }, { idempotencyKey: "k" });
  assert.deepEqual([again.id, again.created], [first.id, false]);
  assert.equal(await scene.settle(again.result()), 1);
});

scenario(
  "the same key with another input is a conflict that names the run, and writes nothing",
  async (scene) => {
    const client = scene.node();
    const first = await client.engine.start(echo, { n: 1 }, { idempotencyKey: "k" });
    await assert.rejects(
      client.engine.start(echo, { n: 2 }, { idempotencyKey: "k" }),
      (error: PerdureError) => {
        assert.equal(error.code, "KEY_CONFLICT");
        assert.match(error.message, new RegExp(`"k".*"echo".*"${first.id}".*another input\\. Use a key`));
        return true;
      },
    );
    assert.deepEqual(await client.engine.count(), { pending: 1 });
  },
);

scenario("a key belongs to its workflow: another one may have the same", async (scene) => {
  const other = workflow("echo-2", async (input: { n: number }) => input.n);
  const client = scene.node();
  const first = await client.engine.start(echo, { n: 1 }, { idempotencyKey: "k" });
  const second = await client.engine.start(other, { n: 1 }, { idempotencyKey: "k" });
  assert.notEqual(first.id, second.id);
  assert.equal(second.created, true);
});

scenario(
  "reliability 5/44: starting another workflow, or another input, under an id is refused, and leaves the first as it is",
  async (scene) => {
    const hanging = gate<number>();
    const first = workflow("has-id", async ({ n }: { n: number }) =>
      step.run("s", async () => (await hanging.promise) * n),
    );
    const other = workflow("wants-id", async (input: { n: number }) => input.n);
    const one = await scene.worker([first, other]);
    const run = await one.engine.start(first, { n: 1 }, { id: "mine" });
    await scene.untilStill(async () => (await scene.types(run.id)).includes("step.started"));
    await assert.rejects(one.engine.start(other, { n: 1 }, { id: "mine" }), {
      code: "ID_EXISTS",
      message: /of workflow "has-id"/,
    });
    await assert.rejects(one.engine.start(first, { n: 2 }, { id: "mine" }), {
      code: "ID_EXISTS",
      message: /another input/,
    });
    await assert.rejects(one.engine.start(first, { n: 1 }, { id: "mine", onExisting: "reject" }), {
      code: "ID_EXISTS",
    });
    assert.equal((await one.engine.start(first, { n: 1 }, { id: "mine" })).created, false);
    one.kill();
    hanging.open(5);
    const two = await scene.worker([first, other]);
    assert.equal(await scene.settle(two.engine.run(first, run.id).result()), 5);
  },
);

scenario(
  "onExisting terminate ends the run that has the id, and handles of the id follow its successor",
  async (scene) => {
    const hanging = gate();
    const flow = workflow("replaced", async (n: number) => {
      if (n === 1) await step.run("s", () => hanging.promise);
      return n;
    });
    const one = await scene.worker([flow]);
    const first = await one.engine.start(flow, 1, { id: "place" });
    await scene.untilStill(async () => (await scene.types(first.id)).includes("step.started"));
    const client = scene.node();
    const second = await scene.settle(client.engine.start(flow, 2, { id: "place", onExisting: "terminate" }));
    assert.notEqual(second.id, first.id);
    assert.equal(await scene.settle(second.result()), 2);
    assert.equal(await scene.settle(client.engine.run(flow, "place").result()), 2);
    assert.equal(await first.status(), "cancelled");
    assert.equal((await first.info()).successorId, second.id);
    assert.equal((await second.info()).predecessorId, first.id);
  },
);

scenario(
  "ten starts that replace one id at once leave one chain, whose last run alone goes on",
  async (scene) => {
    const flow = workflow("replaced-often", async (n: number) => {
      await sleep("1m");
      return n;
    });
    const one = await scene.worker([flow]);
    await one.engine.start(flow, 0, { id: "place" });
    const runs = await scene.settle(
      Promise.all(
        Array.from({ length: 10 }, (_, n) =>
          scene.node().engine.start(flow, n + 1, { id: "place", onExisting: "terminate" }),
        ),
      ),
    );
    assert.equal(new Set(runs.map(({ id }) => id)).size, 10);
    const open = await one.engine.count({ status: ["pending", "running", "suspended"] });
    assert.deepEqual(Object.values(open), [1]);
    const result = await scene.settle(one.engine.run("place").result());
    assert.ok(Number(result) >= 1);
    assert.deepEqual(await one.engine.count(), { cancelled: 10, completed: 1 });
  },
);

scenario("peers 5.2/19: a handle is usable the moment its start returns, in any process", async (scene) => {
  const one = await scene.worker([echo]);
  const client = scene.node();
  const run = await client.engine.start(echo, { n: 4 });
  const elsewhere = one.engine.run(echo, run.id);
  assert.ok(["pending", "running", "completed"].includes(await elsewhere.status()));
  assert.equal((await elsewhere.history())[0]?.type, "run.created");
  assert.equal(await scene.settle(elsewhere.result()), 4);
  assert.equal(await scene.settle(run.result()), 4);
});

const ways: Record<string, (engine: Engine, options: StartOptions) => Promise<RunHandle>> = {
  "start with the workflow": (engine, options) => engine.start(echo, { n: 1 }, options),
  "start with its name": (engine, options) => engine.start("echo", { n: 1 }, options),
  startMany: async (engine, options) => (await engine.startMany(echo, [{ input: { n: 1 }, options }]))[0]!,
};

for (const [way, start] of Object.entries(ways)) {
  scenario(`peers 5.8/65: no option is lost on the way of ${way}`, async (scene) => {
    const client = scene.node();
    const at = scene.clock.now();
    const table: { options: StartOptions; expected: Record<string, unknown> }[] = [
      { options: { idempotencyKey: "k1" }, expected: { idempotencyKey: "k1" } },
      { options: { id: "id-1" }, expected: { id: "id-1" } },
      { options: { priority: -7 }, expected: { priority: -7 } },
      {
        options: { attributes: { a: 1, b: "x", c: true } },
        expected: { attributes: { a: 1, b: "x", c: true } },
      },
      { options: { delay: "1m" }, expected: { waitingFor: { kind: "start", dueAt: at + 60_000 } } },
      {
        options: { startAt: new Date(at + 5_000) },
        expected: { waitingFor: { kind: "start", dueAt: at + 5_000 } },
      },
      { options: { deadline: "1h" }, expected: { deadlineAt: new Date(at + 3_600_000) } },
      { options: { deadline: new Date(at + 9) }, expected: { deadlineAt: new Date(at + 9) } },
      { options: { delay: "1m", deadline: "1h" }, expected: { deadlineAt: new Date(at + 3_660_000) } },
      { options: { version: "1" }, expected: { version: "1" } },
    ];
    for (const { options, expected } of table) {
      const info = (await (await start(client.engine, options)).info()) as unknown as Record<string, unknown>;
      for (const [field, value] of Object.entries(expected)) {
        assert.deepEqual(info[field], value, `${JSON.stringify(options)}: ${field}`);
      }
    }
  });
}

scenario(
  "a delayed run begins when its time has come, not before, and no sooner for being looked at",
  async (scene) => {
    const flow = workflow("delayed", async () => now());
    const one = await scene.worker([flow]);
    const begun = scene.clock.now();
    const delayed = await one.engine.start(flow, undefined, { delay: "90s" });
    const dated = await one.engine.start(flow, undefined, { startAt: new Date(begun + 45_500) });
    const past = await one.engine.start(flow, undefined, { startAt: new Date(begun - 1e9) });
    assert.equal(await scene.settle(past.result()), begun);
    assert.equal((await scene.settle(dated.result())) - begun, 45_500);
    assert.equal((await scene.settle(delayed.result())) - begun, 90_000);
  },
);

scenario(
  "startMany answers in order, beyond the size of one transaction, with keys that repeat among them",
  async (scene) => {
    const client = scene.node();
    const starts = Array.from({ length: 1_200 }, (_, n) => ({
      input: { n: n % 700 },
      options: { idempotencyKey: `k${n % 700}` },
    }));
    const runs = await scene.settle(client.engine.startMany(echo, starts));
    assert.equal(runs.length, 1_200);
    assert.equal(new Set(runs.map(({ id }) => id)).size, 700);
    for (let n = 700; n < 1_200; n++) assert.equal(runs[n]!.id, runs[n - 700]!.id);
    assert.deepEqual(await client.engine.count(), { pending: 700 });
  },
);

scenario("a page of runs goes on behind the last, newest first, without a gap or a repeat", async (scene) => {
  const client = scene.node();
  const started: string[] = [];
  for (let n = 0; n < 25; n++) {
    started.push((await client.engine.start(echo, { n }, { attributes: { even: n % 2 === 0 } })).id);
    if (n % 3 === 0) await scene.clock.advance(1);
  }
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page = await client.engine.runs({}, cursor, { limit: 4 });
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.cursor;
  } while (cursor !== null);
  assert.equal(seen.length, 25);
  assert.deepEqual([...seen].sort(), [...started].sort());
  const { items } = await client.engine.runs({
    attributes: { even: true },
    workflow: "echo",
    status: "pending",
  });
  assert.equal(items.length, 13);
});

scenario("live events come once, in order, and end with the run", async (scene) => {
  const flow = workflow("watched", async () => {
    await step.run("a", () => 1);
    await sleep("1s");
    await step.run("b", () => 2);
  });
  const client = scene.node();
  const run = await client.engine.start(flow);
  const seen: number[] = [];
  const types: string[] = [];
  const watching = (async () => {
    for await (const event of client.engine.run(run.id).events()) {
      seen.push(event.seq);
      types.push(event.type);
    }
  })();
  await scene.worker([flow]);
  await scene.settle(watching);
  assert.deepEqual(
    seen,
    seen.map((_, index) => index + 1),
  );
  assert.equal(types.at(-1), "run.completed");
  assert.deepEqual(types, await scene.types(run.id));
});
