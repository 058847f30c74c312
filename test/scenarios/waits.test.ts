import assert from "node:assert/strict";
import { map, mapSettled, now, sleep, step, stepInfo, workflow, type RunHandle } from "perdure";
import { gate } from "./support/gate.ts";
import { scenario, type Scene } from "./support/scene.ts";

const day = 86_400_000;

async function isParked(scene: Scene, run: RunHandle): Promise<void> {
  await scene.until(async () => (await run.status()) === "suspended", "the run is parked", 1_000);
}

scenario(
  "peers 5.2/16: a run that waits for several times wakes at the earliest, and then at the next",
  async (scene) => {
    const flow = workflow("several", async () => {
      const woken: [string, number][] = [];
      const begun = now();
      const at = async (name: string, wait: Promise<unknown>): Promise<void> => {
        await wait;
        woken.push([name, now() - begun]);
      };
      await Promise.all([
        at("long", sleep("3m")),
        at("short", sleep("1m")),
        at("date", sleep(new Date(begun + 150_000))),
        at(
          "flaky",
          step.run("flaky", { retry: { initialDelay: "2m", jitter: false, maxDelay: "10m" } }, () => {
            if (stepInfo().attempt === 1) throw new Error("once");
          }),
        ),
      ]);
      return woken;
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await isParked(scene, run);
    const { waitingFor } = await run.info();
    assert.deepEqual(
      waitingFor?.kind === "timer" && [waitingFor.dueAt - scene.clock.now(), waitingFor.others],
      [60_000, 3],
    );
    assert.deepEqual(await scene.settle(run.result()), [
      ["short", 60_000],
      ["flaky", 120_000],
      ["date", 150_000],
      ["long", 180_000],
    ]);
  },
);

scenario("peers 5.2/17: a timed-out attempt is recorded as timed out, and replays as that", async (scene) => {
  const last = gate();
  const signals: boolean[] = [];
  const flow = workflow("timing-out", async () => {
    const names: string[] = [];
    try {
      await step.run("slow", { timeout: "2s", retry: { maxAttempts: 2, initialDelay: "1s" } }, async () => {
        const { signal } = stepInfo();
        signal.addEventListener("abort", () => signals.push(signal.aborted));
        await new Promise(() => undefined);
      });
    } catch (error) {
      names.push(`${(error as Error).name}: ${(error as Error).message}`);
    }
    await step.run("last", () => last.promise);
    return names;
  });
  const one = await scene.worker([flow]);
  const run = await one.engine.start(flow);
  await scene.until(async () =>
    (await scene.events(run.id)).some((e) => e.type === "step.started" && e.name === "last"),
  );
  one.kill();
  last.open();
  const two = await scene.worker([flow]);
  const [name] = await scene.settle(two.engine.run(flow, run.id).result());
  assert.match(name!, /^TimeoutError: Attempt 2 of step "slow" ran into its timeout after 2000 ms/);
  assert.deepEqual(signals, [true, true]);
});

scenario("peers 5.2/22: a sleep ends although every worker was down when it was due", async (scene) => {
  const flow = workflow("nobody-up", async () => {
    await sleep("1m");
    return "woken";
  });
  const one = await scene.worker([flow]);
  const run = await one.engine.start(flow);
  await isParked(scene, run);
  await scene.settle(one.engine.close());
  await scene.clock.advance(600_000);
  const two = await scene.worker([flow]);
  assert.equal(await scene.settle(two.engine.run(flow, run.id).result()), "woken");
});

for (const state of ["asleep", "in a step", "in back-off"] as const) {
  for (const end of ["stopped", "killed"] as const) {
    scenario(
      `reliability 5/28: a worker that is ${end} while its run is ${state} leaves a run that ends elsewhere`,
      async (scene) => {
        const inStep = gate();
        const flow = workflow(`down ${state}`, async () => {
          if (state === "asleep") await sleep("30s");
          if (state === "in a step") await step.run("long", () => inStep.promise);
          if (state === "in back-off") {
            await step.run("flaky", { retry: { initialDelay: "30s" } }, () => {
              if (stepInfo().attempt === 1) throw new Error("once");
            });
          }
          return "done";
        });
        const one = await scene.worker([flow]);
        const run = await one.engine.start(flow);
        const [reached, count] = (
          {
            asleep: ["timer.started", 1],
            "in a step": ["step.started", 1],
            "in back-off": ["step.failed", 1],
          } as const
        )[state];
        await scene.untilStill(
          async () => (await scene.types(run.id)).filter((type) => type === reached).length === count,
        );
        if (end === "killed") one.kill();
        else await scene.settle(one.engine.close({ drain: "1s" }));
        inStep.open();
        const two = await scene.worker([flow]);
        assert.equal(await scene.settle(two.engine.run(flow, run.id).result()), "done");
      },
    );
  }
}

for (const days of [24, 25, 30, 49, 50, 400]) {
  scenario(
    `peers 5.6/47: a sleep of ${days} days takes ${days} days, over the limit of a timer`,
    async (scene) => {
      const flow = workflow(`sleep-${days}`, async () => {
        const begun = now();
        await sleep(`${days}d`);
        return now() - begun;
      });
      // Long beats, so that years do not consist of heartbeats.
      const one = await scene.worker([flow], { lease: "2000d", pollInterval: "1000d" });
      const run = await one.engine.start(flow);
      await isParked(scene, run);
      await scene.leap(days * day - 1);
      assert.equal(await run.status(), "suspended");
      await scene.leap(1);
      assert.equal(await run.status(), "completed");
      assert.equal(await scene.settle(run.result()), days * day);
    },
  );
}

for (const [off, skewMs] of Object.entries({
  "10 min": 600_000,
  "-10 min": -600_000,
  "1 day": day,
  "-1 day": -day,
})) {
  scenario(
    `peers 5.6/48: a worker whose clock is off by ${off} sleeps as long as any, and does not spin`,
    async (scene) => {
      const flow = workflow("skewed", async () => {
        const begun = now();
        await sleep("1m");
        await step.run("flaky", { retry: { initialDelay: "30s", jitter: false } }, () => {
          if (stepInfo().attempt === 1) throw new Error("once");
        });
        return now() - begun;
      });
      const one = await scene.worker([flow], { skewMs });
      const begunAt = scene.clock.now();
      const run = await one.engine.start(flow);
      assert.equal(await scene.settle(run.result()), 90_000);
      assert.equal(scene.clock.now() - begunAt, 90_000);
      assert.ok(one.tap.calls.claim! < 40, `${one.tap.calls.claim!} claims in 90 seconds`);
      const { createdAt } = await run.info();
      assert.equal(createdAt.getTime(), begunAt);
    },
  );
}

for (const jumpMs of [600_000, -600_000]) {
  scenario(
    `a worker whose wall clock jumps by ${jumpMs / 60_000} min while a run sleeps wakes it in time`,
    async (scene) => {
      const flow = workflow("jumped", async () => {
        await sleep("1m");
        return "woken";
      });
      const one = await scene.worker([flow]);
      const run = await one.engine.start(flow);
      await isParked(scene, run);
      const begunAt = scene.clock.monotonic();
      scene.clock.stepWall(jumpMs);
      assert.equal(await scene.settle(run.result()), "woken");
      // The store's clock is the same machine's here: forward, the time has come; back, it comes later, and is not lost.
      const tookMs = scene.clock.monotonic() - begunAt;
      if (jumpMs > 0) assert.ok(tookMs <= 60_000, `${tookMs}`);
      else assert.ok(tookMs >= 60_000 - jumpMs && tookMs <= 60_000 - jumpMs + 20_000, `${tookMs}`);
    },
  );
}

scenario("a timer never fires early, though its worker believes that it is late", async (scene) => {
  const flow = workflow("early", async () => {
    await sleep("1m");
    return now();
  });
  const one = await scene.worker([flow], { skewMs: day });
  const run = await one.engine.start(flow);
  await scene.settle(run.result());
  const events = await scene.events(run.id);
  const fired = events.find((event) => event.type === "timer.fired")!;
  assert.ok(fired.at >= fired.dueAt);
});

scenario("a sleep of nothing, and one until a date that has passed, return at once", async (scene) => {
  const flow = workflow("no-time", async () => {
    const begun = now();
    await sleep(0);
    await sleep(new Date(0));
    await sleep("0ms");
    return now() - begun;
  });
  const one = await scene.worker([flow]);
  const run = await one.engine.start(flow);
  assert.equal(await scene.settle(run.result()), 0);
});

scenario(
  "reliability 5/11: a run that is evicted and comes back 300 times is there once, and ends once",
  async (scene) => {
    const flow = workflow("evicted", async () => {
      for (let turn = 0; turn < 300; turn++) await sleep("100ms");
      return "end";
    });
    const one = await scene.worker([flow], { hot: { runs: 0 } });
    const run = await one.engine.start(flow);
    assert.equal(await scene.settle(run.result()), "end");
    const types = await scene.types(run.id);
    assert.equal(types.filter((type) => type === "timer.fired").length, 300);
    assert.equal(types.filter((type) => type === "run.completed").length, 1);
    assert.deepEqual(await one.engine.count(), { completed: 1 });
  },
);

scenario("hot and cold runs come to the same history", async (scene) => {
  const flow = workflow("hot-or-cold", async () => {
    const results: unknown[] = [];
    for (let turn = 0; turn < 5; turn++) {
      await sleep("1s");
      results.push(
        await Promise.all([step.run("x", () => turn), sleep("500ms"), step.run("y", () => -turn)]),
      );
    }
    return results;
  });
  const hot = await scene.worker([flow]);
  const hotRun = await hot.engine.start(flow);
  const hotResult = await scene.settle(hotRun.result());
  await scene.settle(hot.engine.close());
  const cold = await scene.worker([flow], { hot: { runs: 0 } });
  const coldRun = await cold.engine.start(flow);
  assert.deepEqual(await scene.settle(coldRun.result()), hotResult);
  const withoutResumes = (types: string[]): string[] => types.filter((type) => type !== "run.resumed");
  assert.ok(!(await scene.types(hotRun.id)).includes("run.resumed"), "a hot run is not replayed");
  assert.deepEqual(withoutResumes(await scene.types(coldRun.id)), await scene.types(hotRun.id));
});

scenario(
  "reliability 5/42: restarts with a thousand parked runs claim none of them and add nothing",
  async (scene) => {
    const flow = workflow("parked", async () => {
      await sleep("10d");
    });
    const one = await scene.worker([flow]);
    const runs = await scene.settle(
      one.engine.startMany(
        flow,
        Array.from({ length: 1_000 }, () => ({ input: undefined })),
      ),
    );
    await scene.until(
      async () => (await one.engine.count())["suspended"] === 1_000,
      "all are parked",
      60_000,
    );
    one.kill();
    for (let restart = 0; restart < 20; restart++) {
      const again = await scene.worker([flow]);
      let claimed = 0;
      again.tap.onDone = (method, answer) => {
        if (method === "claim") claimed += (answer as { runs: unknown[] }).runs.length;
      };
      await scene.quiet();
      assert.equal(claimed, 0);
      await scene.settle(again.engine.close());
    }
    const client = scene.node();
    assert.deepEqual(await client.engine.count(), { suspended: 1_000 });
    assert.deepEqual(await scene.types(runs[500]!.id), ["run.created", "timer.started"]);
  },
);

scenario("map keeps its concurrency, also after a crash, and gives results in order", async (scene) => {
  let inWork = 0;
  let most = 0;
  const flow = workflow("mapped", async () =>
    map(
      Array.from({ length: 12 }, (_, n) => n),
      { concurrency: 3 },
      async (n) => {
        most = Math.max(most, ++inWork);
        const value = await step.run(`item-${n}`, () => n * n);
        await sleep("1s");
        inWork--;
        return value;
      },
    ),
  );
  const one = await scene.worker([flow]);
  const run = await one.engine.start(flow);
  await scene.until(
    async () => (await scene.types(run.id)).filter((type) => type === "timer.fired").length >= 5,
  );
  one.kill();
  assert.equal(most, 3);
  inWork = most = 0;
  const two = await scene.worker([flow]);
  assert.deepEqual(
    await scene.settle(two.engine.run(flow, run.id).result()),
    Array.from({ length: 12 }, (_, n) => n * n),
  );
  assert.equal(most, 3);
});

scenario(
  "mapSettled ends the run by its own error when too many items fail, the same after replay",
  async (scene) => {
    const flow = workflow("tolerating", async (tolerate: number) => {
      const results = await mapSettled([0, 1, 2, 3, 4, 5], { concurrency: 2, tolerate }, (n) =>
        step.run(`item-${n}`, { retry: { maxAttempts: 1 } }, () => {
          if (n % 2 === 1) throw new Error(`item ${n}`);
          return n;
        }),
      );
      return results.map(({ status }) => status);
    });
    const one = await scene.worker([flow], { hot: { runs: 0 } });
    const fine = await one.engine.start(flow, 3);
    const statuses = await scene.settle(fine.result());
    assert.deepEqual(statuses, ["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled", "rejected"]);
    const broken = await one.engine.start(flow, 1);
    const error = await scene.settle(broken.result()).catch((thrown: unknown) => thrown as Error);
    assert.match((error as Error).message, /tolerates 1 failures of 6 items, and 2 have failed/);
    const cause = (error as Error).cause as Error & { errors: Error[] };
    assert.equal(cause.name, "TooManyFailuresError");
    assert.deepEqual(
      cause.errors.map(({ message }) => message),
      ["item 1", "item 3"],
    );
  },
);
