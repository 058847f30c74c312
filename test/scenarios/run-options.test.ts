import assert from "node:assert/strict";
import type { PerdureError } from "perdure";
import { FatalError, RunFailedError, sleep, step, stepInfo, workflow, type RunHandle } from "perdure";
import { gate } from "./support/gate.ts";
import { scenario, type Scene } from "./support/scene.ts";

async function causeOf(scene: Scene, run: RunHandle): Promise<PerdureError> {
  const error = await scene.settle(run.result()).then(
    () => assert.fail("the run was to fail"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof RunFailedError);
  return error.cause as PerdureError;
}

// Deadlines

for (const where of ["asleep", "in a step", "in back-off", "not yet begun"] as const) {
  scenario(
    `a run that is ${where} at its deadline has failed with DEADLINE_EXCEEDED, then and not later`,
    async (scene) => {
      const hanging = gate();
      let isAborted = false;
      const flow = workflow(`deadline ${where}`, { deadline: "1m" }, async () => {
        if (where === "asleep") await sleep("1h");
        if (where === "in a step") {
          await step.run("long", () => {
            stepInfo().signal.addEventListener("abort", () => (isAborted = true));
            return hanging.promise;
          });
        }
        if (where === "in back-off") {
          await step.run("fails", { retry: { initialDelay: "50s", maxDelay: "50s", jitter: false } }, () => {
            throw new Error("down");
          });
        }
        return "ended";
      });
      const client = scene.node();
      const run = await client.engine.start(flow);
      if (where !== "not yet begun") await scene.worker([flow]);
      else await scene.clock.advance(120_000);
      if (where === "not yet begun") await scene.worker([flow]);
      const cause = await causeOf(scene, run);
      const { updatedAt, createdAt } = await run.info();
      const tookMs = updatedAt.getTime() - createdAt.getTime();
      if (where === "in back-off") {
        // The second retry would come after the deadline: the step says so at once.
        assert.equal(cause.name, "TimeoutError");
        assert.ok(tookMs <= 60_000);
      } else {
        assert.equal(cause.code, "DEADLINE_EXCEEDED");
        assert.match(cause.message, /did not end before its deadline/);
      }
      if (where === "asleep") assert.equal(tookMs, 60_000);
      if (where === "in a step") {
        await scene.quiet();
        assert.equal(isAborted, true);
        assert.equal(tookMs, 60_000);
      }
    },
  );
}

scenario(
  "a start's deadline goes before the workflow's, and a date that has passed ends the run at once",
  async (scene) => {
    let calls = 0;
    const flow = workflow("deadlines", { deadline: "1h" }, async () => {
      calls++;
      await sleep("30m");
      return "ended";
    });
    const one = await scene.worker([flow]);
    const short = await one.engine.start(flow, undefined, { deadline: "1m" });
    const past = await one.engine.start(flow, undefined, { deadline: new Date(scene.clock.now() - 1) });
    assert.equal((await causeOf(scene, past)).code, "DEADLINE_EXCEEDED");
    assert.equal((await causeOf(scene, short)).code, "DEADLINE_EXCEEDED");
    assert.equal(calls, 1, "the code of a run that is too late is not called");
  },
);

scenario("a run without a deadline waits as long as it likes, and result() gives up alone", async (scene) => {
  const flow = workflow("patient", async () => {
    await sleep("2m");
    return "ended";
  });
  const one = await scene.worker([flow]);
  const run = await one.engine.start(flow);
  await assert.rejects(scene.settle(run.result({ timeout: "10s" })), {
    code: "RESULT_TIMEOUT",
    message: /It goes on/,
  });
  assert.equal(await run.status(), "suspended");
  assert.equal(await scene.settle(run.result({ timeout: "5m" })), "ended");
});

// Transient runs

scenario("a transient run writes its start and its end alone, and its waits are real", async (scene) => {
  const flow = workflow("transient", { transient: true }, async (n: number) => {
    const doubled = await step.run("double", () => n * 2);
    await sleep("10s");
    const flaky = await step.run("flaky", { retry: { initialDelay: "5s", jitter: false } }, () => {
      if (stepInfo().attempt === 1) throw new Error("once");
      return "ok";
    });
    return [doubled, flaky];
  });
  const one = await scene.worker([flow]);
  const begunAt = scene.clock.now();
  const run = await one.engine.start(flow, 4);
  assert.deepEqual(await scene.settle(run.result()), [8, "ok"]);
  assert.equal(scene.clock.now() - begunAt, 15_000);
  assert.deepEqual(await scene.types(run.id), ["run.created", "run.completed"]);
});

scenario(
  "a transient run whose worker dies has failed with TRANSIENT_LOST, and its steps do not run again",
  async (scene) => {
    let calls = 0;
    const flow = workflow("transient-lost", { transient: true }, async () => {
      await step.run("s", () => ++calls);
      await sleep("1h");
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await scene.untilStill(() => calls === 1);
    one.kill();
    const two = await scene.worker([flow]);
    const cause = await causeOf(scene, two.engine.run(run.id));
    assert.equal(cause.code, "TRANSIENT_LOST");
    assert.match(cause.message, /Start it again/);
    assert.equal(calls, 1);
    assert.deepEqual(await scene.types(run.id), ["run.created", "run.failed"]);
  },
);

scenario("a transient run that was never begun is not lost with a worker that stops", async (scene) => {
  const flow = workflow("transient-kept", { transient: true }, async () => "ended");
  const client = scene.node();
  const run = await client.engine.start(flow, undefined, { delay: "1m" });
  const one = await scene.worker([flow]);
  await scene.settle(one.engine.close());
  await scene.worker([flow]);
  assert.equal(await scene.settle(run.result()), "ended");
});

scenario("a transient run that fails, or is terminated, says so", async (scene) => {
  const flow = workflow("transient-ends", { transient: true, deadline: "1m" }, async (kind: string) => {
    if (kind === "throws") throw new RangeError("thrown");
    await sleep("1h");
  });
  const one = await scene.worker([flow]);
  const throwing = await one.engine.start(flow, "throws");
  assert.equal((await causeOf(scene, throwing)).message, "thrown");
  const late = await one.engine.start(flow, "late");
  const stopped = await one.engine.start(flow, "stopped");
  await scene.quiet();
  await stopped.terminate({ reason: "enough" });
  await assert.rejects(scene.settle(stopped.result()), { name: "CancelledError", message: "enough" });
  assert.equal((await causeOf(scene, late)).code, "DEADLINE_EXCEEDED");
});

// Whole-run retry

scenario(
  "a workflow with a retry policy is tried again as a run of its own, with an empty history, and result() follows",
  async (scene) => {
    const calls: string[] = [];
    const flow = workflow(
      "whole-retry",
      { retry: { maxAttempts: 3, initialDelay: "10s", jitter: false } },
      async (n: number) => {
        const value = await step.run("s", () => {
          calls.push(stepInfo().runId);
          return n + calls.length;
        });
        if (value < 13) throw new Error(`not yet: ${value}`);
        return value;
      },
    );
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow, 10, { attributes: { team: "a" }, priority: 3 });
    assert.equal(await scene.settle(run.result()), 13);
    assert.equal(new Set(calls).size, 3, "each attempt is a run");
    let id: string | null = run.id;
    let previous: string | null = null;
    for (let attempt = 1; attempt <= 3; attempt++) {
      const info = await one.engine.run(id!).info();
      assert.deepEqual(
        [info.attempt, info.predecessorId, info.attributes, info.priority, info.status],
        [attempt, previous, { team: "a" }, 3, attempt < 3 ? "failed" : "completed"],
      );
      assert.equal((await scene.types(info.id))[0], "run.created");
      previous = id;
      id = info.successorId;
    }
    assert.equal(id, null);
    // The waits between them are those of the policy: 10 s, then 20 s.
    const runs = (await one.engine.runs({ workflow: "whole-retry" })).items.sort(
      (x, y) => x.attempt - y.attempt,
    );
    const ends = runs.map(({ updatedAt }) => updatedAt.getTime());
    assert.deepEqual([ends[1]! - ends[0]!, ends[2]! - ends[1]!], [10_000, 20_000]);
  },
);

scenario(
  "a whole-run retry ends with the last attempt's error, and a FatalError is not tried again",
  async (scene) => {
    let calls = 0;
    const flow = workflow(
      "whole-retry-fails",
      { retry: { maxAttempts: 2, initialDelay: 0 } },
      async (isFatal: boolean) => {
        await step.run("s", () => ++calls);
        throw isFatal ? new FatalError("fatal") : new Error(`failure ${calls}`);
      },
    );
    const one = await scene.worker([flow]);
    assert.equal((await causeOf(scene, await one.engine.start(flow, false))).message, "failure 2");
    calls = 0;
    assert.equal((await causeOf(scene, await one.engine.start(flow, true))).message, "fatal");
    assert.equal(calls, 1);
  },
);

scenario("a whole-run retry whose worker dies in the moment of failing has one successor", async (scene) => {
  let isFirst = true;
  const flow = workflow("whole-retry-crash", { retry: { maxAttempts: 2, initialDelay: "1s" } }, async () => {
    if (isFirst) {
      isFirst = false;
      throw new Error("first");
    }
    return "second";
  });
  const one = await scene.worker([flow]);
  one.tap.onDone = (method) => {
    if (method === "commit") one.kill();
  };
  const client = scene.node();
  const run = await client.engine.start(flow);
  await scene.until(async () => (await run.status()) === "failed");
  await scene.worker([flow]);
  assert.equal(await scene.settle(run.result()), "second");
  assert.deepEqual(await client.engine.count(), { failed: 1, completed: 1 });
});

// Versions

scenario(
  "a run stays with the version under which it was started, while new runs take the new one",
  async (scene) => {
    const name = "versioned";
    const v1 = workflow(name, { version: "1" }, async () => {
      await sleep("1m");
      return step.run("old", () => "v1");
    });
    const one = await scene.worker([v1]);
    const old = await one.engine.start(v1);
    await scene.untilStill(async () => (await old.status()) === "suspended");
    const v2 = workflow(name, { version: "2" }, async () => step.run("new", () => "v2"));
    const two = await scene.worker([v1, v2]);
    const fresh = await two.engine.start(name);
    assert.equal((await fresh.info()).version, "2");
    assert.equal(await scene.settle(fresh.result()), "v2");
    assert.equal(await scene.settle(old.result()), "v1");
    const chosen = await two.engine.start(name, undefined, { version: "1" });
    assert.equal(await scene.settle(chosen.result()), "v1");
  },
);

scenario(
  "a run of a version that no worker has stays due, says so, and is not held or failed",
  async (scene) => {
    const v1 = workflow("version-gone", { version: "1" }, async () => {
      await sleep("1m");
      return "v1";
    });
    const one = await scene.worker([v1]);
    const run = await one.engine.start(v1);
    await scene.untilStill(async () => (await run.status()) === "suspended");
    one.kill();
    const v2 = workflow("version-gone", { version: "2" }, async () => "v2");
    const two = await scene.worker([v2]);
    await scene.clock.advance(300_000);
    const info = await two.engine.run(run.id).info();
    assert.equal(info.status, "suspended");
    assert.deepEqual(info.waitingFor, {
      kind: "worker",
      workflow: "version-gone",
      version: "1",
      queue: "default",
    });
    await scene.worker([v1]);
    assert.equal(await scene.settle(two.engine.run(run.id).result()), "v1");
  },
);

// Limits of a run

for (const [place, below] of [
  ["one below", 1],
  ["exactly at", 0],
  ["one above", -1],
] as const) {
  scenario(`reliability 5/38: a history ${place} its limit of events`, async (scene) => {
    const steps = 5;
    // The creation and two events for each step, without the last one's outcome: the run ends with that.
    const limits = { events: 2 * steps + below };
    const flow = workflow(`events ${place}`, { limits }, async () => {
      for (let n = 0; n < steps; n++) await step.run("s", () => n);
      return "ended";
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    if (below >= 0) assert.equal(await scene.settle(run.result()), "ended");
    else assert.equal((await causeOf(scene, run)).code, "HISTORY_TOO_LONG");
  });
}

scenario(
  "a run that goes on beyond its limit of events fails with HISTORY_TOO_LONG, and says how long",
  async (scene) => {
    let calls = 0;
    const flow = workflow("too-long", { limits: { events: 20 } }, async () => {
      for (;;) await step.run("s", () => ++calls);
    });
    const one = await scene.worker([flow]);
    const cause = await causeOf(scene, await one.engine.start(flow));
    assert.equal(cause.code, "HISTORY_TOO_LONG");
    assert.match(cause.message, /more than 20 events.*raise limits/);
    assert.ok(calls <= 11, `${calls}`);
  },
);

scenario("a run that stores more than its limit of bytes fails with HISTORY_TOO_LONG", async (scene) => {
  const flow = workflow("too-heavy", { limits: { historyBytes: 10_000 } }, async () => {
    for (;;) await step.run("s", () => "x".repeat(1_000));
  });
  const one = await scene.worker([flow]);
  const cause = await causeOf(scene, await one.engine.start(flow));
  assert.equal(cause.code, "HISTORY_TOO_LONG");
  assert.match(cause.message, /more than 10000 bytes/);
});

for (const count of [1_023, 1_024, 1_025]) {
  scenario(`reliability 5/38: ${count} operations at a time, with a limit of 1,024`, async (scene) => {
    const flow = workflow(`fan-${count}`, { limits: { openOperations: 1_024 } }, async () => {
      const values = await Promise.all(Array.from({ length: count }, (_, n) => step.run("s", () => n)));
      return values.length;
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    if (count <= 1_024) assert.equal(await scene.settle(run.result()), count);
    else {
      const cause = await causeOf(scene, run);
      assert.equal(cause.code, "TOO_MANY_OPERATIONS");
      assert.match(cause.message, /Use map\(\) with a concurrency/);
    }
  });
}

scenario("a history that grows long warns once", async (scene) => {
  const flow = workflow("warned", { limits: { warnEvents: 10 } }, async () => {
    for (let n = 0; n < 20; n++) await step.run("s", () => n);
  });
  const one = await scene.worker([flow]);
  await scene.settle((await one.engine.start(flow)).result());
  const warnings = scene.logged("warn", /a history grows long/);
  assert.equal(warnings.length, 1);
  assert.ok(Number(warnings[0]!.fields["events"]) > 10);
});
