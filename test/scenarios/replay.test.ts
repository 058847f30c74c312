import assert from "node:assert/strict";
import { now, random, sleep, step, stepInfo, uuid, workflow } from "perdure";
import { test } from "vitest";
import { encodePayload } from "../../packages/perdure/src/model/payload.ts";
import type { Event } from "../../packages/perdure/src/model/event.ts";
import { gate } from "./support/gate.ts";
import { operationsOf, plantRun, replayInMemory } from "./support/replays.ts";
import { scenario, type Scene } from "./support/scene.ts";

const quickRetry = { retry: { initialDelay: "1s", jitter: false, maxAttempts: 3 } } as const;

/** Every order of the numbers below n. */
function ordersOf(n: number): number[][] {
  if (n === 0) return [[]];
  return ordersOf(n - 1).flatMap((order) =>
    Array.from({ length: n }, (_, at) => [...order.slice(0, at), n - 1, ...order.slice(at)]),
  );
}

async function startedSteps(scene: Scene, runId: string): Promise<string[]> {
  return (await scene.events(runId)).flatMap((event) => (event.type === "step.started" ? [event.name] : []));
}

scenario("peers 5.1/1: branches that share a step name replay as they ran", async (scene) => {
  for (const [index, order] of ordersOf(3).entries()) {
    const first = [0, 1, 2].map(() => gate());
    const last = gate();
    const flow = workflow("branches", async () => {
      const branch = async (number: number): Promise<string> => {
        const x = await step.run(`x${number}`, async () => {
          await first[number]!.promise;
          return number;
        });
        const y = await step.run("y", () => `y of ${x}`);
        const again = await step.run("y", () => `${y}, again`);
        return again;
      };
      const all = await Promise.all([branch(0), branch(1), branch(2)]);
      return await step.run("last", async () => {
        await last.promise;
        return all;
      });
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow, undefined, { id: `order-${index}` });
    for (const [count, number] of order.entries()) {
      await scene.untilStill(async () => (await startedSteps(scene, run.id)).length >= 3);
      first[number]!.open();
      await scene.untilStill(
        async () =>
          (await startedSteps(scene, run.id)).filter((name) => name === "y").length === 2 * (count + 1),
      );
    }
    await scene.untilStill(async () => (await startedSteps(scene, run.id)).includes("last"));
    one.kill();
    last.open();
    const two = await scene.worker([flow]);
    const expected = [0, 1, 2].map((number) => `y of ${number}, again`);
    assert.deepEqual(await scene.settle(two.engine.run(flow, run.id).result()), expected, order.join());
    two.kill();
  }
});

scenario(
  "peers 5.1/2: a race with a timer is won by whichever settled first, also in replay",
  async (scene) => {
    for (const winner of ["step", "timer"] as const) {
      const quick = gate();
      const last = gate();
      const flow = workflow(`race-${winner}`, async () => {
        const won = await Promise.race([
          sleep("300ms").then(() => "timer"),
          step.run("quick", async () => {
            await quick.promise;
            return "step";
          }),
        ]);
        await step.run("last", () => last.promise);
        return won;
      });
      const one = await scene.worker([flow]);
      const run = await one.engine.start(flow);
      await scene.untilStill(async () => (await scene.types(run.id)).includes("timer.started"));
      if (winner === "step") quick.open();
      await scene.until(async () => (await startedSteps(scene, run.id)).includes("last"));
      // The loser settles too, after the race is over.
      quick.open();
      await scene.until(
        async () => (await scene.types(run.id)).filter((t) => t === "step.completed").length === 1,
      );
      await scene.until(async () => (await scene.types(run.id)).includes("timer.fired"));
      one.kill();
      last.open();
      const two = await scene.worker([flow]);
      assert.equal(await scene.settle(two.engine.run(flow, run.id).result()), winner);
      two.kill();
    }
  },
);

scenario("peers 5.1/3: a settled failure is as final as a settled value", async (scene) => {
  const last = gate();
  const calls: string[] = [];
  let works = false;
  const flow = workflow("final-failure", async () => {
    let caught = "nothing";
    try {
      await step.run("fails", { retry: { maxAttempts: 1 } }, () => {
        calls.push("fails");
        if (!works) throw new Error("not yet");
      });
    } catch (error) {
      caught = (error as Error).message;
    }
    await step.run("last", () => last.promise);
    return caught;
  });
  const one = await scene.worker([flow]);
  const run = await one.engine.start(flow);
  await scene.untilStill(async () => (await startedSteps(scene, run.id)).includes("last"));
  one.kill();
  works = true;
  last.open();
  const two = await scene.worker([flow]);
  assert.equal(await scene.settle(two.engine.run(flow, run.id).result()), "not yet");
  assert.deepEqual(calls, ["fails"]);
});

const waits: Record<string, () => Promise<unknown>> = {
  sleep: () => sleep("5s"),
  "a step": () => step.run("waited", () => 1),
  "a step in back-off": () =>
    step.run("flaky", quickRetry, () => {
      if (stepInfo().attempt === 1) throw new Error("once");
    }),
  all: () => Promise.all([sleep("1s"), sleep("2s")]),
  allSettled: () => Promise.allSettled([sleep("1s"), step.run("waited", () => 1)]),
  race: () => Promise.race([sleep("1s"), sleep("2s")]),
  any: () => Promise.any([sleep("1s"), sleep("2s")]),
};

for (const [kind, wait] of Object.entries(waits)) {
  scenario(`peers 5.1/4: catch and finally round ${kind} are not used to suspend the run`, async (scene) => {
    const caught: string[] = [];
    const finished: number[] = [];
    let isLive = true;
    const flow = workflow(`catching ${kind}`, async () => {
      try {
        await wait().catch((error: unknown) => caught.push(`.catch ${String(error)}`));
      } catch (error) {
        caught.push(`catch ${String(error)}`);
      } finally {
        if (isLive) finished.push(1);
      }
      await sleep("5s");
      return "done";
    });
    const one = await scene.worker([flow], { hot: { runs: 0 } });
    const run = await one.engine.start(flow);
    await scene.until(() => finished.length > 0);
    isLive = false;
    assert.equal(await scene.settle(run.result()), "done");
    assert.deepEqual(caught, []);
    assert.deepEqual(finished, [1]);
  });
}

type Kind = "step" | "sleep" | "flaky";
const kinds: readonly Kind[] = ["step", "sleep", "flaky"];
const combinators = {
  all: (waiting: Promise<string>[]) => Promise.all(waiting),
  allSettled: (waiting: Promise<string>[]) => Promise.allSettled(waiting),
  race: (waiting: Promise<string>[]) => Promise.race(waiting),
  any: (waiting: Promise<string>[]) => Promise.any(waiting),
};

for (const [combinator, combine] of Object.entries(combinators)) {
  for (const left of kinds) {
    for (const right of kinds) {
      scenario(
        `peers 5.1/5: ${combinator} of ${left} and ${right} gives the same at every point of replay`,
        async (scene) => {
          let failures = new Set<string>();
          const begin = async (kind: Kind, side: string): Promise<string> => {
            if (kind === "sleep") {
              await sleep(side === "left" ? "1500ms" : "700ms");
              return `${side} slept`;
            }
            return step.run(kind, quickRetry, () => {
              const { runId, attempt } = stepInfo();
              const isFirst = attempt === 1 && !failures.has(`${runId} ${side}`);
              failures.add(`${runId} ${side}`);
              if (kind === "flaky" && isFirst) throw new Error("once");
              return `${side} ${kind}`;
            });
          };
          const flow = workflow(`pair ${combinator} ${left} ${right}`, async () => {
            const result = await combine([begin(left, "left"), begin(right, "right")]);
            const after = await step.run("after", () => JSON.stringify(result));
            await sleep("5s");
            return [after, random()];
          });
          const one = await scene.worker([flow]);
          const run = await one.engine.start(flow, undefined, { id: "live" });
          const result = await scene.settle(run.result());
          const events = await scene.events(run.id);
          const seed = (events[0] as { seed?: string }).seed!;
          one.kill();
          failures = new Set();

          const store = await scene.store();
          const decidedAt = events.find(
            (event) => event.type === "step.started" && event.name === "after",
          )!.seq;
          for (let length = 1; length < events.length; length++) {
            await plantRun(store, flow, `prefix-${length}`, events.slice(0, length), seed);
          }
          const two = await scene.worker([flow]);
          for (let length = 1; length < events.length; length++) {
            const replayed = await scene.settle(two.engine.run(flow, `prefix-${length}`).result());
            const isDecided = length >= decidedAt || combinator.startsWith("all");
            if (isDecided) assert.deepEqual(replayed, result, `with ${length} events`);
            assert.deepEqual(
              operationsOf(await scene.events(`prefix-${length}`)),
              operationsOf(events),
              `operations with ${length} events`,
            );
          }
        },
      );
    }
  }
}

scenario("peers 5.1/6: siblings of a rejected branch settle and are recorded once", async (scene) => {
  const slow = gate<string>();
  let calls = 0;
  const flow = workflow("siblings", async () => {
    const sibling = step.run("slow", () => {
      calls++;
      return slow.promise;
    });
    let caught = "";
    try {
      await Promise.all([
        sibling,
        step.run("fails", { retry: { maxAttempts: 1 } }, () => {
          throw new Error("no");
        }),
      ]);
    } catch (error) {
      caught = (error as Error).message;
    }
    const settled = await Promise.allSettled([sibling]);
    return [caught, settled];
  });
  const one = await scene.worker([flow]);
  const run = await one.engine.start(flow);
  await scene.untilStill(async () => (await scene.types(run.id)).includes("step.failed"));
  slow.open("late");
  const result = await scene.settle(run.result());
  assert.deepEqual(result, ["no", [{ status: "fulfilled", value: "late" }]]);
  assert.equal(calls, 1);
  const events = await scene.events(run.id);
  assert.equal(events.filter((event) => event.type === "step.completed").length, 1);
  const again = await replayInMemory(flow, run.id, events);
  assert.equal(again.trouble, null);
  assert.deepEqual(again.rest.outcome, { status: "returned", value: result });
});

scenario(
  "peers 5.1/8: what is left of a run that has ended begins nothing and writes nothing",
  async (scene) => {
    const slow = gate();
    const started: string[] = [];
    const flow = workflow("leftover", async () => {
      void step
        .run("slow", () => slow.promise)
        .then(() =>
          step.run("too-late", () => {
            started.push("too-late");
          }),
        );
      await sleep("1s");
      return "ended";
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    assert.equal(await scene.settle(run.result()), "ended");
    const before = await scene.events(run.id);
    slow.open();
    await scene.quiet();
    await scene.clock.advance(20_000);
    await scene.quiet();
    assert.deepEqual(await scene.events(run.id), before);
    assert.deepEqual(started, []);
    assert.deepEqual(before.map(({ type }) => type).slice(-2), ["step.abandoned", "run.completed"]);
  },
);

scenario(
  "peers 5.1/9: a durable wait inside a step's function is refused, a step inside it is a plain call",
  async (scene) => {
    const inner = step("inner", async (n: number) => n * 2);
    const flow = workflow("inside", async () => {
      const plain = await step.run("outer", () => inner(21));
      const refused = await step.run("waits", () => sleep("1s")).catch((error: unknown) => error);
      const { code, message } = refused as { code: string; message: string };
      return { plain, code, message };
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    const { plain, code, message } = await scene.settle(run.result());
    assert.equal(plain, 42);
    assert.equal(code, "INSIDE_STEP");
    assert.match(message, /sleep\(\) was called inside step "waits".*wait in the workflow/);
    assert.deepEqual(await startedSteps(scene, run.id), ["outer", "waits"]);
  },
);

/** A history of so many sequential steps, as a worker would have written it. */
function longHistory(count: number): Event[] {
  const events: Event[] = [
    {
      type: "run.created",
      seq: 1,
      at: 1,
      workflow: "long",
      version: "1",
      attempt: 1,
      payload: encodePayload(count, "x"),
    },
  ];
  for (let op = 1; op <= count; op++) {
    events.push({ type: "step.started", seq: 2 * op, at: op, op, name: "s", attempt: 1, payload: null });
    events.push({ type: "step.completed", seq: 2 * op + 1, at: op, op, payload: encodePayload(op, "x") });
  }
  return events;
}

const longFlow = workflow(
  "long",
  { limits: { events: 300_000, warnEvents: 300_000 } },
  async (count: number) => {
    let sum = 0;
    for (let n = 0; n < count; n++) sum += await step.run("s", () => n + 1);
    return sum;
  },
);

for (const count of [999, 1_000, 1_001, 10_000, 100_000]) {
  test(`peers 5.1/10: a run of ${count} steps replays, one turn for each result`, async () => {
    const replayed = await replayInMemory(longFlow, "long", longHistory(count));
    assert.equal(replayed.trouble, null);
    assert.deepEqual(replayed.rest.outcome, { status: "returned", value: (count * (count + 1)) / 2 });
    assert.equal(replayed.turns, count + 1);
    assert.equal(replayed.execution.operations.size, 0);
  });
}

scenario(
  "peers 5.1/10: runs of 999, 1,000 and 1,001 steps end, and go on cold after half of them",
  async (scene) => {
    for (const count of [999, 1_000, 1_001]) {
      const half = gate();
      const reached = gate();
      let calls = 0;
      const flow = workflow(`long-${count}`, async () => {
        let sum = 0;
        for (let n = 1; n <= count; n++) {
          sum += await step.run("s", async () => {
            calls++;
            if (n === 500) {
              reached.open();
              await half.promise;
            }
            return n;
          });
        }
        return sum;
      });
      const one = await scene.worker([flow]);
      const run = await one.engine.start(flow);
      await reached.promise;
      one.kill();
      half.open();
      const two = await scene.worker([flow]);
      assert.equal(await scene.settle(two.engine.run(flow, run.id).result()), (count * (count + 1)) / 2);
      assert.equal(calls, count + 1, "only the step that was running ran again");
      two.kill();
    }
  },
);

scenario(
  "reliability 5/31: each shorter history replays to a prefix of what the code saw live",
  async (scene) => {
    let seen: unknown[] = [];
    const flow = workflow("traced", async () => {
      const pages = await step.run("count", () => 3);
      seen.push(pages, now());
      for (let page = 0; page < pages; page++) {
        const [value] = await Promise.all([step.run(`page`, () => page * 10), sleep(page * 500)]);
        seen.push(value, now(), random(), uuid());
      }
      try {
        await step.run("fails", { retry: { maxAttempts: 1 } }, () => {
          throw new RangeError("out");
        });
      } catch (error) {
        seen.push((error as Error).message);
      }
      return seen.length;
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await scene.settle(run.result());
    const live = seen;
    const events = await scene.events(run.id);
    let last = 0;
    for (let length = 1; length <= events.length; length++) {
      seen = [];
      const { trouble } = await replayInMemory(flow, run.id, events.slice(0, length));
      assert.equal(trouble, null, `with ${length} events`);
      assert.ok(seen.length >= last, "more history never shows the code less");
      last = seen.length;
      assert.deepEqual(seen, live.slice(0, seen.length));
    }
    assert.equal(last, live.length);
  },
);

scenario(
  "reliability 5/34: the message and the stack that workflow code sees are the recorded ones",
  async (scene) => {
    const last = gate();
    const stacks: (string | undefined)[] = [];
    const flow = workflow("stacks", async () => {
      try {
        await step.run("fails", { retry: { maxAttempts: 1 } }, () => {
          throw Object.assign(new TypeError("bad \u0000 thing"), { detail: { at: 7 } });
        });
      } catch (error) {
        stacks.push((error as Error).stack);
        await step.run("last", () => last.promise);
        const { name, message, detail } = error as Error & { detail: unknown };
        return { name, message, detail, isTypeError: error instanceof TypeError };
      }
      return null;
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await scene.untilStill(async () => (await startedSteps(scene, run.id)).includes("last"));
    one.kill();
    last.open();
    const two = await scene.worker([flow]);
    const result = await scene.settle(two.engine.run(flow, run.id).result());
    assert.deepEqual(result, {
      name: "TypeError",
      message: "bad \u0000 thing",
      detail: { at: 7 },
      isTypeError: true,
    });
    assert.equal(stacks.length, 2);
    assert.equal(stacks[0], stacks[1]);
    assert.match(stacks[0]!, /replay\.test\.ts/);
  },
);

scenario(
  "reliability 5/35: a replayed step is not called, and a replayed settled promise does not hang",
  async (scene) => {
    const calls: string[] = [];
    const last = gate();
    const flow = workflow("settled-early", async () => {
      const early = step.run("early", () => {
        calls.push("early");
        return 1;
      });
      await step.run("other", () => void calls.push("other"));
      await sleep("1s");
      await step.run("last", () => last.promise);
      return await early;
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await scene.until(async () => (await startedSteps(scene, run.id)).includes("last"));
    one.kill();
    last.open();
    const two = await scene.worker([flow]);
    assert.equal(await scene.settle(two.engine.run(flow, run.id).result()), 1);
    assert.deepEqual(calls.sort(), ["early", "other"]);
  },
);

scenario("reliability 5/36: ids, time and chance are the same after any number of resumes", async (scene) => {
  const seen = new Map<string, Set<unknown>>();
  const note = (key: string, value: unknown): void =>
    void (seen.get(key) ?? seen.set(key, new Set()).get(key)!).add(value);
  const flow = workflow("stable", async () => {
    for (let turn = 0; turn < 4; turn++) {
      note(`now ${turn}`, now());
      note(`random ${turn}`, random());
      note(`uuid ${turn}`, uuid());
      await step.run("key", { retry: { maxAttempts: 2, initialDelay: 10 } }, () => {
        const { idempotencyKey, attempt } = stepInfo();
        note(`key ${turn}`, idempotencyKey);
        if (attempt === 1) throw new Error("again");
      });
      await sleep("1s");
    }
    return uuid();
  });
  // Nothing stays hot, so that each wait ends in a replay from the beginning; and the process changes in between.
  const one = await scene.worker([flow], { hot: { runs: 0 } });
  const run = await one.engine.start(flow, undefined, { id: "stable" });
  await scene.until(
    async () => (await scene.types(run.id)).filter((type) => type === "timer.fired").length === 2,
  );
  one.kill();
  const two = await scene.worker([flow], { hot: { runs: 0 } });
  const result = await scene.settle(two.engine.run(flow, run.id).result());
  assert.match(result, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  for (const [key, values] of seen)
    assert.equal(values.size, 1, `${key} is one value: ${[...values].join()}`);
  const different = (prefix: string): number =>
    new Set([...seen].filter(([key]) => key.startsWith(prefix)).flatMap(([, values]) => [...values])).size;
  assert.deepEqual([different("random"), different("uuid"), different("key")], [4, 4, 4]);
  const replays = (await scene.types(run.id)).filter((type) => type === "run.resumed").length;
  assert.ok(replays >= 8, `it was replayed ${replays} times`);
});

scenario("a terminated and started again id draws other numbers", async (scene) => {
  const flow = workflow("drawing", async () => [random(), uuid()]);
  const one = await scene.worker([flow]);
  const first = await scene.settle((await one.engine.start(flow, undefined, { id: "draw" })).result());
  const again = await one.engine.start(flow, undefined, { id: "draw", onExisting: "terminate" });
  const second = await scene.settle(again.result());
  assert.notDeepEqual(first, second);
});

scenario(
  "the time that code saw at its very begin is the same after a crash, though the run waited to begin",
  async (scene) => {
    const seen: number[] = [];
    const last = gate();
    const flow = workflow("late-begin", async () => {
      seen.push(now());
      await step.run("last", () => last.promise);
      return now();
    });
    const client = scene.node();
    const run = await client.engine.start(flow, undefined, { delay: "5s" });
    await scene.clock.advance(20_000);
    const one = await scene.worker([flow]);
    await scene.untilStill(async () => (await scene.types(run.id)).includes("step.started"));
    one.kill();
    await scene.clock.advance(20_000);
    last.open();
    const two = await scene.worker([flow]);
    const end = await scene.settle(two.engine.run(flow, run.id).result());
    assert.equal(seen.length, 2);
    assert.equal(seen[0], seen[1]);
    assert.ok(end >= seen[0]!);
  },
);
