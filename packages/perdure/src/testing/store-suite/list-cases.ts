/** Lists, pages and counts of runs. */
import assert from "node:assert/strict";
import type { RunFilter } from "../../store.ts";
import {
  completed,
  lane,
  newRun,
  parked,
  runCompleted,
  writeOf,
  type SceneCase,
  type StoreScene,
} from "./store-scene.ts";

async function ids(scene: StoreScene, filter: RunFilter = {}): Promise<string[]> {
  const { items, cursor } = await scene.store.runs({ limit: 1000, ...filter });
  assert.equal(cursor, null);
  const counts = await scene.store.count(filter);
  assert.equal(
    Object.values(counts).reduce((sum, count) => sum + count, 0),
    items.length,
  );
  return items.map(({ id }) => id).sort();
}

async function walk(scene: StoreScene, limit: number, onPage?: () => Promise<void>): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof scene.store.runs>> = await scene.store.runs({
      limit,
      ...(cursor !== null && { cursor }),
    });
    assert.ok(page.items.length <= limit);
    found.push(...page.items.map(({ id }) => id));
    cursor = page.cursor;
    await onPage?.();
  } while (cursor !== null);
  return found;
}

export const listCases: readonly SceneCase[] = [
  {
    name: "newest come first",
    needs: "advance",
    async check(scene) {
      for (const id of ["b", "c", "a"]) {
        await scene.create(id);
        await scene.advance(1);
      }
      assert.deepEqual(
        (await scene.store.runs({ limit: 10 })).items.map(({ id }) => id),
        ["a", "c", "b"],
      );
    },
  },
  {
    name: "runs of one moment are ordered by id, the last first",
    needs: "advance",
    async check(scene) {
      await scene.store.create(["b", "a", "c"].map((id) => newRun(id)));
      await scene.store.create([newRun("aa")]);
      assert.deepEqual(
        (await scene.store.runs({ limit: 10 })).items.map(({ id }) => id),
        ["c", "b", "aa", "a"],
      );
    },
  },
  {
    name: "the order is by the store's creation time, not by the id's",
    needs: "advance",
    async check(scene) {
      await scene.create("z");
      await scene.advance(-10);
      await scene.create("zz");
      await scene.advance(20);
      await scene.create("a");
      assert.deepEqual(
        (await scene.store.runs({ limit: 10 })).items.map(({ id }) => id),
        ["a", "z", "zz"],
      );
    },
  },
  {
    name: "an item is the whole record",
    async check(scene) {
      await scene.create("r1", { attributes: { a: "x" }, idempotencyKey: "k" });
      assert.deepEqual((await scene.store.runs({ limit: 1 })).items, [await scene.record()]);
    },
  },
  {
    name: "pages meet without gap or repeat, for every size",
    async check(scene) {
      await scene.store.create(Array.from({ length: 7 }, (_, index) => newRun(`r${index}`)));
      const expected = (await scene.store.runs({ limit: 100 })).items.map(({ id }) => id);
      for (const limit of [1, 2, 3, 6, 7, 8]) assert.deepEqual(await walk(scene, limit), expected);
    },
  },
  {
    name: "the last page has no cursor, also when it is full",
    async check(scene) {
      await scene.store.create([newRun("a"), newRun("b")]);
      const first = await scene.store.runs({ limit: 1 });
      assert.notEqual(first.cursor, null);
      const last = await scene.store.runs({ limit: 1, cursor: first.cursor! });
      assert.deepEqual([last.items.length, last.cursor], [1, null]);
      assert.equal((await scene.store.runs({ limit: 2 })).cursor, null);
    },
  },
  {
    name: "a walk finds each older run once while new ones are written",
    async check(scene) {
      const old = Array.from({ length: 20 }, (_, index) => `m${index}`);
      await scene.store.create(old.map((id) => newRun(id)));
      let count = 0;
      const found = await walk(scene, 3, async () => {
        count++;
        await scene.store.create([newRun(`a${count}`), newRun(`z${count}`)]);
      });
      assert.equal(new Set(found).size, found.length);
      for (const id of old) assert.ok(found.includes(id), `${id} is found`);
    },
  },
  {
    name: "pages of a filter meet",
    async check(scene) {
      await scene.store.create(
        Array.from({ length: 9 }, (_, index) => newRun(`r${index}`, { queue: index % 2 ? "odd" : "even" })),
      );
      const first = await scene.store.runs({ limit: 3, queue: "even" });
      const second = await scene.store.runs({ limit: 3, queue: "even", cursor: first.cursor! });
      assert.deepEqual([...first.items, ...second.items].map(({ id }) => id).sort(), [
        "r0",
        "r2",
        "r4",
        "r6",
        "r8",
      ]);
      assert.equal(second.cursor, null);
    },
  },
  {
    name: "a cursor that no list gave out is refused",
    async check({ store }) {
      for (const cursor of ["", "x", "%", Buffer.from("[1]").toString("base64url"), "' or 1=1 --"]) {
        await assert.rejects(store.runs({ limit: 1, cursor }), {
          name: "PerdureError",
          code: "INVALID_CURSOR",
        });
      }
    },
  },
  {
    name: "a filter names workflow, version, queue, kind and key, alone or together",
    async check(scene) {
      await scene.store.create([
        newRun("a", { workflow: "x" }),
        newRun("b", { version: "2" }),
        newRun("c", { queue: "q", workflow: "x" }),
        newRun("d", { kind: "step" }),
        newRun("e", { idempotencyKey: "k" }),
      ]);
      assert.deepEqual(await ids(scene), ["a", "b", "c", "d", "e"]);
      assert.deepEqual(await ids(scene, { workflow: "x" }), ["a", "c"]);
      assert.deepEqual(await ids(scene, { version: "2" }), ["b"]);
      assert.deepEqual(await ids(scene, { queue: "q" }), ["c"]);
      assert.deepEqual(await ids(scene, { kind: "step" }), ["d"]);
      assert.deepEqual(await ids(scene, { kind: "workflow" }), ["a", "b", "c", "e"]);
      assert.deepEqual(await ids(scene, { idempotencyKey: "k" }), ["e"]);
      assert.deepEqual(await ids(scene, { workflow: "x", queue: "default" }), ["a"]);
      assert.deepEqual(await ids(scene, { workflow: "X" }), []);
    },
  },
  {
    name: "a filter by status finds each of those named, and an empty list nothing",
    async check(scene) {
      await scene.register();
      await scene.create("ended");
      await scene.accept(writeOf(await scene.take("ended"), { events: [runCompleted], leave: completed }));
      await scene.create("parked");
      await scene.accept(writeOf(await scene.take("parked"), { leave: parked() }));
      await scene.create("running");
      await scene.take("running");
      await scene.create("pending");
      assert.deepEqual(await ids(scene, { status: ["completed"] }), ["ended"]);
      assert.deepEqual(await ids(scene, { status: ["running", "suspended"] }), ["parked", "running"]);
      assert.deepEqual(await ids(scene, { status: ["pending", "pending"] }), ["pending"]);
      assert.deepEqual(await ids(scene, { status: [] }), []);
      assert.deepEqual(await scene.store.count({}), {
        completed: 1,
        suspended: 1,
        running: 1,
        pending: 1,
      });
    },
  },
  {
    name: "the bounds of creation exclude their own millisecond",
    needs: "advance",
    async check(scene) {
      const times: number[] = [];
      for (const id of ["a", "b", "c"]) {
        await scene.create(id);
        times.push(await scene.now());
        await scene.advance(10);
      }
      assert.deepEqual(await ids(scene, { createdAfter: times[0]! }), ["b", "c"]);
      assert.deepEqual(await ids(scene, { createdBefore: times[2]! }), ["a", "b"]);
      assert.deepEqual(await ids(scene, { createdAfter: times[0]!, createdBefore: times[2]! }), ["b"]);
      assert.deepEqual(await ids(scene, { createdAfter: times[1]!, createdBefore: times[1]! }), []);
    },
  },
  {
    name: "attributes are found by all of them, each equal and of the same type",
    async check(scene) {
      await scene.store.create([
        newRun("number", { attributes: { a: 1, b: "x" } }),
        newRun("text", { attributes: { a: "1", b: "x" } }),
        newRun("yes", { attributes: { a: true } }),
        newRun("no", { attributes: { a: false } }),
        newRun("zero", { attributes: { a: 0 } }),
        newRun("none"),
      ]);
      assert.deepEqual(await ids(scene, { attributes: { a: 1 } }), ["number"]);
      assert.deepEqual(await ids(scene, { attributes: { a: "1" } }), ["text"]);
      assert.deepEqual(await ids(scene, { attributes: { a: true } }), ["yes"]);
      assert.deepEqual(await ids(scene, { attributes: { a: false } }), ["no"]);
      assert.deepEqual(await ids(scene, { attributes: { a: 0 } }), ["zero"]);
      assert.deepEqual(await ids(scene, { attributes: { b: "x" } }), ["number", "text"]);
      assert.deepEqual(await ids(scene, { attributes: { a: "1", b: "x" } }), ["text"]);
      assert.deepEqual(await ids(scene, { attributes: { a: 1, b: "y" } }), []);
      assert.deepEqual(await ids(scene, { attributes: { c: "x" } }), []);
      assert.equal((await ids(scene, { attributes: {} })).length, 6);
    },
  },
  {
    name: "a count is by status, over the filter alone",
    async check(scene) {
      await scene.store.create([newRun("a"), newRun("b"), newRun("c", { queue: "q" })]);
      await scene.register();
      await scene.claim({ limit: 1 });
      assert.deepEqual(await scene.store.count({}), { running: 1, pending: 2 });
      assert.deepEqual(await scene.store.count(lane), { running: 1, pending: 1 });
      assert.deepEqual(await scene.store.count({ status: ["pending"] }), { pending: 2 });
      assert.deepEqual(await scene.store.count({ queue: "nobody's" }), {});
    },
  },
];
