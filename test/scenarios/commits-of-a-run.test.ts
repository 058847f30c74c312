/** What a run costs: the figures of ARCHITECTURE.md, "A run from start to end". */
import assert from "node:assert/strict";
import { createEngine, createMemoryStore, sleep, step, workflow, type Engine, type Store } from "perdure";
import { test } from "vitest";

type Calls = Record<"create" | "claim" | "commit" | "load", number>;

/** A memory store that counts its calls. */
function countingStore(): { store: Store; calls: Calls; hasLooked: () => boolean } {
  const store = createMemoryStore();
  const calls = { create: 0, claim: 0, commit: 0, load: 0 };
  let looks = 0;
  const counted: Store = {
    ...boundMethods(store),
    create: (...args) => (calls.create++, store.create(...args)),
    // Looks that find nothing are not the run's.
    claim: async (request) => {
      const answer = await store.claim(request);
      calls.claim += answer.runs.length;
      looks++;
      return answer;
    },
    commit: (writes) => ((calls.commit += writes.length), store.commit(writes)),
    load: (request) => (calls.load++, store.load(request)),
  };
  return { store: counted, calls, hasLooked: () => looks > 0 };
}

/** A worker that has looked for work and found none: until then it keeps its places, and a start finds no free one. */
async function idleWorker(engine: Engine, hasLooked: () => boolean): Promise<void> {
  await engine.work();
  while (!hasLooked()) await new Promise(setImmediate);
  await new Promise(setImmediate);
}

function boundMethods(store: Store): Store {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(store)) as (keyof Store)[];
  const methods = names.filter((name) => typeof store[name] === "function");
  return {
    description: store.description,
    ...Object.fromEntries(methods.map((name) => [name, (store[name] as () => unknown).bind(store)])),
  } as unknown as Store;
}

const count = step("count", async (value: number) => value + 1);

const sequence = workflow("sequence-of-steps", async (steps: number) => {
  let value = 0;
  while (value < steps) value = await count(value);
  return value;
});

const nap = workflow("two-steps-and-a-nap", async () => {
  const before = await count(0);
  await sleep("100ms"); // long enough to be parked: what is due by then fires without it
  return count(before);
});

for (const steps of [0, 1, 3, 20]) {
  test(`a sequence of ${steps} steps takes one creation, which claims it too, and ${steps + 1} commits`, async () => {
    const { store, calls, hasLooked } = countingStore();
    const engine = createEngine({ store });
    await idleWorker(engine, hasLooked);
    const run = await engine.start(sequence, steps);
    assert.equal(await run.result(), steps);
    await engine.close();
    assert.deepEqual(calls, { create: 1, claim: 0, commit: steps + 1, load: 0 });
  });
}

test("without a worker in the process that starts it, a run is claimed by a call of its own", async () => {
  const { store, calls } = countingStore();
  const engine = createEngine({ store });
  const run = await engine.start(sequence, 3);
  await engine.work();
  await run.result();
  await engine.close();
  assert.deepEqual(calls, { create: 1, claim: 1, commit: 4, load: 0 });
});

test("a sleep takes one commit, which parks the run as well, and one claim", async () => {
  const { store, calls, hasLooked } = countingStore();
  const engine = createEngine({ store });
  await idleWorker(engine, hasLooked);
  const run = await engine.start(nap);
  assert.equal(await run.result(), 2);
  await engine.close();
  assert.deepEqual(calls, { create: 1, claim: 1, commit: 4, load: 0 });
});
