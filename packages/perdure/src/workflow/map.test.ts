import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { TooManyFailuresError } from "../errors.ts";
import { map, mapSettled } from "./map.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Items that take some turns, and may fail. */
const items = fc.array(fc.record({ turns: fc.nat({ max: 3 }), fails: fc.boolean() }), { maxLength: 12 });
const concurrency = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(Infinity));

interface Item {
  turns: number;
  fails: boolean;
}

function tracked(limitless = true): {
  visit: (item: Item, index: number) => Promise<number>;
  begun: number[];
  most: () => number;
} {
  let inWork = 0;
  let most = 0;
  const begun: number[] = [];
  return {
    begun,
    most: () => most,
    async visit(item, index) {
      begun.push(index);
      most = Math.max(most, ++inWork);
      for (let n = 0; n < item.turns; n++) await turn();
      inWork--;
      if (item.fails && limitless) throw new Error(String(index));
      return index * 2;
    },
  };
}

test("map gives the results in the items' order, with no more in work than allowed, and begins them in order", async () => {
  await fc.assert(
    fc.asyncProperty(items, concurrency, async (list, limit) => {
      const { visit, begun, most } = tracked(false);
      const results = await map(list, { concurrency: limit }, visit);
      assert.deepEqual(
        results,
        list.map((_, index) => index * 2),
      );
      assert.deepEqual(
        begun,
        list.map((_, index) => index),
      );
      assert.ok(most() <= limit);
      // As many as may be are in work at once.
      assert.ok(most() === Math.min(limit, list.length) || list.some(({ turns }) => turns === 0));
    }),
  );
});

test("map rejects with the failure that came first, and begins nothing after it", async () => {
  await fc.assert(
    fc.asyncProperty(items, concurrency, async (list, limit) => {
      const { visit, begun } = tracked();
      const result = await map(list, { concurrency: limit }, visit).then(
        () => null,
        (error: unknown) => error as Error,
      );
      assert.equal(result === null, !list.some(({ fails }) => fails));
      const count = begun.length;
      for (let n = 0; n < 12; n++) await turn();
      assert.ok(begun.length === count, "nothing begins after the rejection");
      if (result) assert.ok(list[Number(result.message)]!.fails);
    }),
  );
});

test("mapSettled tells of each item how it went, as Promise.allSettled would", async () => {
  await fc.assert(
    fc.asyncProperty(items, concurrency, async (list, limit) => {
      const results = await mapSettled(list, { concurrency: limit }, tracked().visit);
      const expected = await Promise.allSettled(list.map((item, index) => tracked().visit(item, index)));
      assert.deepEqual(
        results.map(({ status }) => status),
        expected.map(({ status }) => status),
      );
      results.forEach((result, index) => {
        if (result.status === "rejected") assert.equal((result.reason as Error).message, String(index));
        else assert.equal(result.value, index * 2);
      });
    }),
  );
});

test("mapSettled rejects exactly when more fail than are tolerated, or too few succeed", async () => {
  const tolerate = fc.oneof(
    fc.nat({ max: 8 }),
    fc.nat({ max: 100 }).map((percent) => `${percent}%` as const),
    fc.constant(undefined),
  );
  await fc.assert(
    fc.asyncProperty(
      items,
      concurrency,
      tolerate,
      fc.option(fc.nat({ max: 8 }), { nil: undefined }),
      async (list, limit, tolerated, minSuccess) => {
        const failed = list.filter(({ fails }) => fails).length;
        const most =
          tolerated === undefined
            ? list.length
            : typeof tolerated === "number"
              ? tolerated
              : Math.floor((list.length * parseFloat(tolerated)) / 100);
        const isFine = failed <= most && list.length - failed >= (minSuccess ?? 0);
        const options = {
          concurrency: limit,
          ...(tolerated !== undefined && { tolerate: tolerated }),
          ...(minSuccess !== undefined && { minSuccess }),
        };
        const error = await mapSettled(list, options, tracked().visit).then(
          () => null,
          (thrown: unknown) => thrown,
        );
        assert.equal(error === null, isFine, String(error));
        if (error !== null) assert.ok(error instanceof TooManyFailuresError);
      },
    ),
    { numRuns: 300 },
  );
});

test("nothing in the list, any iterable, and a function that throws at once are all fine", async () => {
  expect(await map([], () => 1)).toEqual([]);
  expect(await mapSettled([], { tolerate: 0 }, () => 1)).toEqual([]);
  expect(await map(new Set(["a", "b"]), (item, index) => `${item}${index}`)).toEqual(["a0", "b1"]);
  const thrower = (): never => {
    throw new Error("at once");
  };
  await expect(map([1, 2], thrower)).rejects.toThrow("at once");
  expect((await mapSettled([1], thrower))[0]!.status).toBe("rejected");
});

test("bounds that make no sense are INVALID_OPTION, before anything begins", async () => {
  const never = (): never => assert.fail("nothing was to begin");
  for (const bad of [0, -1, 1.5, NaN]) {
    await expect(map([1], { concurrency: bad }, never)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    await expect(mapSettled([1], { concurrency: bad }, never)).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
  }
  for (const bad of [-1, 0.5, NaN, "5", "%", "-5%", "five%"]) {
    await expect(mapSettled([1], { tolerate: bad as never }, never)).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
  }
  await expect(mapSettled([1], { minSuccess: -1 }, never)).rejects.toMatchObject({ code: "INVALID_OPTION" });
});
