import assert from "node:assert/strict";
import { createEngine, PerdureError, silentLogger, sleep, step, workflow } from "perdure";
import { test } from "vitest";
import { createMemoryStore } from "../../packages/perdure/src/stores/memory/memory-store.ts";
import { gate } from "./support/gate.ts";
import { scenario } from "./support/scene.ts";

const plain = workflow("lifecycle-plain", async () => "plain");

/** An engine that a module might export, and that nobody opens. */
export const neverOpened = createEngine({ store: "sqlite:/nowhere/at/all.db" });

test("an engine that was never opened can be exported and closed, and touches no file", async () => {
  await neverOpened.close();
  await neverOpened.close();
  await assert.rejects(neverOpened.start(plain), { code: "ALREADY_CLOSED" });
});

scenario(
  "closing twice, also at once, does it once; what is asked for after it is refused",
  async (scene) => {
    const one = await scene.worker([plain]);
    const run = await one.engine.start(plain);
    await scene.settle(run.result());
    await scene.settle(Promise.all([one.engine.close(), one.engine.close()]));
    await one.engine.close();
    for (const ask of [
      () => one.engine.start(plain),
      () => run.status(),
      () => one.engine.runs(),
      () => one.engine.work({ workflows: [plain] }),
      () => one.engine.health(),
    ]) {
      await assert.rejects(ask(), (error: PerdureError) => error.code === "ALREADY_CLOSED");
    }
    await one.worker.stop();
  },
);

scenario("two engines in one process, on two stores, do not know each other's runs", async (scene) => {
  const one = await scene.worker([plain]);
  const store = createMemoryStore({ clock: scene.clock });
  const other = createEngine({ store, clock: scene.clock, logger: silentLogger });
  const worker = await other.work({ workflows: [plain] });
  const here = await one.engine.start(plain, undefined, { id: "same" });
  const there = await other.start(plain, undefined, { id: "same" });
  assert.equal(there.created, true);
  assert.equal(await scene.settle(here.result()), "plain");
  assert.equal(await scene.settle(there.result()), "plain");
  assert.notEqual(worker.id, one.worker.id);
  await scene.settle(other.close());
  assert.equal(await scene.settle((await one.engine.start(plain)).result()), "plain");
});

scenario("two engines on one store share its runs", async (scene) => {
  const one = scene.node();
  const two = await scene.worker([plain]);
  const run = await one.engine.start(plain);
  assert.equal(await scene.settle(run.result()), "plain");
  assert.equal(await two.engine.run(run.id).status(), "completed");
});

scenario("peers 5.8/66: after a start that failed, the next use of the engine starts it", async (scene) => {
  const node = scene.node();
  node.tap.fail("open", new PerdureError("STORE_LOCKED", "busy"));
  await assert.rejects(node.engine.start(plain), { code: "STORE_LOCKED" });
  node.tap.fail("register", new PerdureError("STORE_UNAVAILABLE", "away"));
  await assert.rejects(node.work([plain]), { code: "STORE_UNAVAILABLE" });
  await node.work([plain]);
  const run = await node.engine.start(plain);
  assert.equal(await scene.settle(run.result()), "plain");
});

scenario(
  "a drained stop lets attempts end, begins nothing new, and leaves the rest due for others",
  async (scene) => {
    const first = gate<string>();
    const began: string[] = [];
    const flow = workflow("drained", async () => {
      const value = await step.run("first", () => {
        began.push("first");
        return first.promise;
      });
      await step.run("second", () => void began.push("second"));
      return value;
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await scene.untilStill(() => began.length === 1);
    const waiting = await one.engine.start(flow, undefined, { delay: "1h" });
    const stopping = one.worker.stop();
    await scene.quiet();
    first.open("value");
    await scene.settle(stopping);
    assert.deepEqual(began, ["first"]);
    assert.ok((await scene.types(run.id)).includes("step.completed"), "the outcome was recorded");
    assert.equal(await run.status(), "pending");
    assert.deepEqual(await one.engine.workers(), []);
    const two = await scene.worker([flow]);
    assert.equal(await scene.settle(two.engine.run(flow, run.id).result()), "value");
    assert.deepEqual(began, ["first", "second"]);
    assert.equal(await waiting.status(), "pending");
  },
);

scenario("a stop that does not drain hands back at once, and a drain ends at its limit", async (scene) => {
  const hanging = gate();
  const flow = workflow("handed-back", async () => step.run("s", () => hanging.promise));
  for (const drain of [false, "5s"] as const) {
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await scene.untilStill(async () => (await scene.types(run.id)).includes("step.started"));
    const begunAt = scene.clock.monotonic();
    await scene.settle(one.worker.stop({ drain }));
    assert.equal(scene.clock.monotonic() - begunAt, drain === false ? 0 : 5_000);
    const { run: row } = (await (await scene.store()).run(run.id))!;
    assert.deepEqual([row.workerId, row.crashCount], [null, 0]);
    await run.terminate();
  }
});

scenario(
  "a worker that stops while its store is away still stops, and its runs come free by the lease",
  async (scene) => {
    const flow = workflow("stop-without-store", async () => {
      await sleep("1s");
      return "ended";
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    one.tap.fail("unregister", new PerdureError("STORE_UNAVAILABLE", "away"));
    await scene.settle(one.worker.stop());
    assert.equal(scene.logged("warn", /could not say good-bye/).length, 1);
    const two = await scene.worker([flow]);
    assert.equal(await scene.settle(two.engine.run(flow, run.id).result()), "ended");
  },
);

scenario("health says what survives, and how many workers there are", async (scene) => {
  const one = await scene.worker([plain]);
  const health = await one.engine.health();
  assert.equal(health.workers, 1);
  assert.equal(health.store.durability, scene.kind === "memory" ? "none" : "process");
  assert.equal(health.store.now, scene.clock.now());
});
