import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
import { Batch } from "./batch.ts";

test("each request gets its own answer, in batches of the size at the most, in order, one at a time", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.nat({ max: 3 }), { maxLength: 30 }),
      async (maxSize, pauses) => {
        const clock = new FakeClock();
        const batches: number[][] = [];
        let underWay = 0;
        const batch = new Batch<number, string>(clock, maxSize, async (requests) => {
          assert.equal(++underWay, 1);
          batches.push(requests);
          await clock.rest();
          underWay--;
          return requests.map((request) => `answer ${request}`);
        });
        const answers: Promise<string>[] = [];
        for (const [index, pause] of pauses.entries()) {
          answers.push(batch.ask(index));
          for (let n = 0; n < pause; n++) await clock.rest();
        }
        assert.deepEqual(
          await Promise.all(answers),
          pauses.map((_, index) => `answer ${index}`),
        );
        assert.deepEqual(
          batches.flat(),
          pauses.map((_, index) => index),
        );
        assert.ok(batches.every(({ length }) => length >= 1 && length <= maxSize));
      },
    ),
    { numRuns: 50 },
  );
});

test("what is asked for in one turn shares a batch, also when it is asked for in microtasks", async () => {
  const batches: string[][] = [];
  const batch = new Batch<string, string>(new FakeClock(), 100, async (requests) => {
    batches.push(requests);
    return requests;
  });
  const later = Promise.resolve()
    .then(() => undefined)
    .then(() => batch.ask("c"));
  await Promise.all([batch.ask("a"), batch.ask("b"), later]);
  expect(batches).toEqual([["a", "b", "c"]]);
});

test("a batch that fails fails each of its requests, and the next one goes on", async () => {
  let fails = true;
  const batch = new Batch<number, number>(new FakeClock(), 2, async (requests) => {
    if (fails) {
      fails = false;
      throw new Error("failed");
    }
    return requests;
  });
  const settled = await Promise.allSettled([batch.ask(1), batch.ask(2), batch.ask(3)]);
  expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect(await batch.ask(4)).toBe(4);
});
