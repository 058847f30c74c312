import assert from "node:assert/strict";
import {
  FatalError,
  OutcomeUnknownError,
  RetryableError,
  RunFailedError,
  sleep,
  step,
  stepInfo,
  workflow,
  type RunHandle,
  type StepOptions,
} from "perdure";
import { gate } from "./support/gate.ts";
import { scenario, type Scene } from "./support/scene.ts";

/** When each attempt of the one step began, in milliseconds from the first. */
async function attemptTimes(scene: Scene, runId: string): Promise<number[]> {
  const starts = (await scene.events(runId)).filter((event) => event.type === "step.started");
  return starts.map((event) => event.at - starts[0]!.at);
}

async function failureOf(scene: Scene, run: RunHandle): Promise<RunFailedError & { cause: Error }> {
  const error = await scene.settle(run.result()).then(
    () => assert.fail("the run was to fail"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof RunFailedError);
  return error as RunFailedError & { cause: Error };
}

const policies: Record<string, { options: StepOptions["retry"]; times: number[] }> = {
  "the default: four attempts": { options: { jitter: false }, times: [0, 1_000, 3_000, 7_000] },
  fixed: {
    options: { backoff: "fixed", initialDelay: "5s", maxAttempts: 4, jitter: false },
    times: [0, 5_000, 10_000, 15_000],
  },
  linear: {
    options: { backoff: "linear", initialDelay: "2s", maxAttempts: 4, jitter: false },
    times: [0, 2_000, 6_000, 12_000],
  },
  "bounded by maxDelay": {
    options: { initialDelay: "4s", maxDelay: "6s", maxAttempts: 4, jitter: false },
    times: [0, 4_000, 10_000, 16_000],
  },
  "without a delay": { options: { initialDelay: 0, maxAttempts: 3 }, times: [0, 0, 0] },
  "a single attempt": { options: { maxAttempts: 1 }, times: [0] },
};

for (const [name, { options, times }] of Object.entries(policies)) {
  scenario(
    `attempts of a step follow its policy (${name}), and the last failure is the step's`,
    async (scene) => {
      const flow = workflow(`policy ${name}`, async () =>
        step.run("fails", { retry: options! }, () => {
          throw new Error(`attempt ${stepInfo().attempt}`);
        }),
      );
      const one = await scene.worker([flow]);
      const run = await one.engine.start(flow);
      const error = await failureOf(scene, run);
      assert.equal(error.cause.message, `attempt ${times.length}`);
      assert.match(error.message, new RegExp(`attempt ${times.length}$`));
      assert.deepEqual(await attemptTimes(scene, run.id), times);
      assert.equal(await run.status(), "failed");
    },
  );
}

const endings: Record<
  string,
  { options?: StepOptions; fail: (attempt: number) => unknown; times: number[] }
> = {
  "a FatalError is not tried again": { fail: () => new FatalError("no"), times: [0] },
  "a RetryableError chooses its delay": {
    options: { retry: { maxAttempts: 3, jitter: false } },
    fail: (attempt) => new RetryableError("later", { after: attempt === 1 ? "30s" : 5_000 }),
    times: [0, 30_000, 35_000],
  },
  "a RetryableError without a delay takes the policy's": {
    options: { retry: { maxAttempts: 2, jitter: false } },
    fail: () => new RetryableError("later"),
    times: [0, 1_000],
  },
  "a RetryableError with a delay that is none takes the policy's": {
    options: { retry: { maxAttempts: 2, jitter: false } },
    fail: () => new RetryableError("later", { after: "soon" }),
    times: [0, 1_000],
  },
  "retryIf decides": {
    options: {
      retry: { maxAttempts: 5, jitter: false, retryIf: (error) => (error as Error).message === "1" },
    },
    fail: (attempt) => new Error(String(attempt)),
    times: [0, 1_000],
  },
  "a retryIf that throws has said nothing": {
    options: {
      retry: {
        maxAttempts: 2,
        jitter: false,
        retryIf: () => {
          throw new Error("broken predicate");
        },
      },
    },
    fail: () => new Error("x"),
    times: [0, 1_000],
  },
};

for (const [name, { options = {}, fail, times }] of Object.entries(endings)) {
  scenario(name, async (scene) => {
    const flow = workflow(name, async () =>
      step.run("fails", options, () => {
        throw fail(stepInfo().attempt);
      }),
    );
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await failureOf(scene, run);
    assert.deepEqual(await attemptTimes(scene, run.id), times);
  });
}

scenario(
  "peers 5.4/36: a retry that would come after the step's deadline fails as timed out at once",
  async (scene) => {
    const flow = workflow("step-deadline", async () =>
      step.run("fails", { deadline: "10s", retry: { initialDelay: "8s", jitter: false, factor: 1 } }, () => {
        throw new Error(`attempt ${stepInfo().attempt}`);
      }),
    );
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    const { cause } = await failureOf(scene, run);
    assert.equal(cause.name, "TimeoutError");
    assert.match(
      cause.message,
      /no time for another attempt before its deadline\. Attempt 2 failed: attempt 2/,
    );
    assert.deepEqual(await attemptTimes(scene, run.id), [0, 8_000]);
    const { updatedAt, createdAt } = await run.info();
    assert.equal(updatedAt.getTime() - createdAt.getTime(), 8_000);
  },
);

scenario("an attempt ends at its step's deadline, however long its timeout", async (scene) => {
  const flow = workflow("step-deadline-attempt", async () =>
    step.run("hangs", { deadline: "10s", timeout: "1h" }, () => new Promise(() => undefined)),
  );
  const one = await scene.worker([flow]);
  const run = await one.engine.start(flow);
  const { cause } = await failureOf(scene, run);
  assert.equal(cause.name, "TimeoutError");
  const { updatedAt, createdAt } = await run.info();
  assert.equal(updatedAt.getTime() - createdAt.getTime(), 10_000);
});

scenario(
  "an attempt's idempotency key is the same over attempts, and of no other step or run",
  async (scene) => {
    const keys = new Map<string, Set<string>>();
    const flow = workflow("keys", async () => {
      const one = (name: string): Promise<void> =>
        step.run(name, { retry: { initialDelay: 10, maxAttempts: 3 } }, () => {
          const { runId, idempotencyKey, attempt, step: stepName, workflow: workflowName } = stepInfo();
          assert.deepEqual([stepName, workflowName], [name, "keys"]);
          const key = `${runId} ${name}`;
          (keys.get(key) ?? keys.set(key, new Set()).get(key)!).add(idempotencyKey);
          if (attempt < 3) throw new Error("again");
        });
      await one("a");
      await Promise.all([one("b"), one("c")]);
    });
    const one = await scene.worker([flow]);
    const runs = await one.engine.startMany(flow, [{ input: undefined }, { input: undefined }]);
    for (const run of runs) await scene.settle(run.result());
    assert.equal(keys.size, 6);
    for (const values of keys.values()) assert.equal(values.size, 1);
    assert.equal(new Set([...keys.values()].flatMap((values) => [...values])).size, 6);
  },
);

scenario(
  "a once step whose outcome nobody knows rejects with OutcomeUnknownError and is not called again",
  async (scene) => {
    const hanging = gate();
    let calls = 0;
    const flow = workflow("once", async () => {
      try {
        await step.run("pay", { once: true }, () => {
          calls++;
          return hanging.promise;
        });
        return "known";
      } catch (error) {
        return error instanceof OutcomeUnknownError ? error.message : String(error);
      }
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await scene.untilStill(() => calls === 1);
    one.kill();
    const two = await scene.worker([flow]);
    assert.match(
      await scene.settle(two.engine.run(flow, run.id).result()),
      /Step "pay".*find out whether it took effect/,
    );
    assert.equal(calls, 1);
  },
);

scenario("a once step that failed for sure is tried again", async (scene) => {
  const flow = workflow("once-failed", async () =>
    step.run("pay", { once: true, retry: { initialDelay: "1s" } }, () => {
      if (stepInfo().attempt < 3) throw new Error("refused");
      return stepInfo().attempt;
    }),
  );
  const one = await scene.worker([flow], { hot: { runs: 0 } });
  const run = await one.engine.start(flow);
  assert.equal(await scene.settle(run.result()), 3);
});

scenario(
  "a once step in back-off goes on elsewhere when its worker dies between two attempts",
  async (scene) => {
    let calls = 0;
    const flow = workflow("once-back-off", async () =>
      step.run("pay", { once: true, retry: { initialDelay: "30s" } }, () => {
        if (++calls === 1) throw new Error("refused");
        return "paid";
      }),
    );
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await scene.untilStill(async () => (await run.status()) === "suspended");
    one.kill();
    const two = await scene.worker([flow]);
    assert.equal(await scene.settle(two.engine.run(flow, run.id).result()), "paid");
    assert.equal(calls, 2);
  },
);

scenario(
  "a once step that was recorded and never began, because its worker stopped, begins elsewhere",
  async (scene) => {
    let calls = 0;
    const first = gate();
    const flow = workflow("once-handed-back", async () => {
      await step.run("first", () => first.promise);
      return step.run("pay", { once: true }, () => {
        calls++;
        return "paid";
      });
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await scene.untilStill(async () => (await scene.types(run.id)).includes("step.started"));
    const closing = one.engine.close();
    first.open();
    await scene.settle(closing);
    const two = await scene.worker([flow]);
    assert.equal(await scene.settle(two.engine.run(flow, run.id).result()), "paid");
    assert.equal(calls, 1);
  },
);

class Strange {
  readonly secret = 1;
}

const unstorable: Record<string, { make: () => unknown; found: RegExp }> = {
  "a function": { make: () => ({ deep: [() => 1] }), found: /at deep\[0\]/ },
  "a symbol": { make: () => Symbol("x"), found: /cannot be stored/ },
  "an instance of a class": { make: () => ({ strange: new Strange() }), found: /at strange/ },
  "a promise": { make: () => ({ waiting: Promise.resolve(1) }), found: /at waiting/ },
  "a WeakMap": { make: () => new WeakMap(), found: /cannot be stored/ },
};

for (const [what, { make, found }] of Object.entries(unstorable)) {
  scenario(
    `peers 5.8/61: a step that returns ${what} fails at once, with the path, and is not tried again`,
    async (scene) => {
      let calls = 0;
      const flow = workflow(`returns ${what}`, async () => {
        await step.run("make", () => {
          calls++;
          return make();
        });
      });
      const one = await scene.worker([flow]);
      const run = await one.engine.start(flow);
      const { cause } = await failureOf(scene, run);
      assert.equal((cause as Error & { code: string }).code, "UNSTORABLE_VALUE");
      assert.match(cause.message, found);
      assert.match(cause.message, /The result of step "make"/);
      assert.equal(calls, 1);
    },
  );
  scenario(`a workflow that returns ${what} fails, and says so`, async (scene) => {
    const flow = workflow(`returns itself ${what}`, async () => make());
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    const { cause } = await failureOf(scene, run);
    assert.equal((cause as Error & { code: string }).code, "UNSTORABLE_VALUE");
  });
}

scenario(
  "peers 5.8/61: BigInt, Map, Set, Date, errors and cycles come back as they were, live and in replay",
  async (scene) => {
    const cycle: Record<string, unknown> = { name: "self" };
    cycle["self"] = cycle;
    const rich = {
      big: 2n ** 80n,
      map: new Map<unknown, unknown>([
        ["a", new Set([1, NaN])],
        [new Date(0), -0],
      ]),
      date: new Date(1e12),
      bytes: new Uint8Array([0, 255]),
      url: new URL("https://example.com/a?b"),
      nothing: undefined,
      error: Object.assign(new RangeError("r"), { code: "E" }),
      nul: "a\u0000b",
      surrogate: "\ud800",
      cycle,
    };
    const last = gate();
    const seen: unknown[] = [];
    const flow = workflow("rich", async (input: typeof rich) => {
      seen.push(input);
      seen.push(await step.run("echo", () => rich));
      await step.run("last", () => last.promise);
      return rich;
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow, rich);
    await scene.untilStill(async () =>
      (await scene.events(run.id)).some((e) => e.type === "step.started" && e.name === "last"),
    );
    one.kill();
    last.open();
    const two = await scene.worker([flow]);
    seen.push(await scene.settle(two.engine.run(flow, run.id).result()));
    assert.equal(seen.length, 5);
    for (const value of seen as (typeof rich)[]) {
      const { error, ...rest } = value;
      const { error: expected, ...others } = rich;
      assert.deepStrictEqual(rest, others);
      assert.deepEqual(
        [error.name, error.message, error.code, error instanceof RangeError],
        [expected.name, expected.message, expected.code, true],
      );
      assert.equal(value.cycle["self"], value.cycle);
      assert.ok(Object.is(value.map.get([...value.map.keys()][1]), -0));
    }
  },
);

const thrown: Record<string, unknown> = {
  "a text": "only text",
  "a number": 7,
  null: null,
  "an object": { code: "E1", nested: [1] },
};

for (const [what, value] of Object.entries(thrown)) {
  scenario(`a step that throws ${what} gives the workflow just that`, async (scene) => {
    const flow = workflow(`throws ${what}`, async () => {
      try {
        await step.run("throws", { retry: { maxAttempts: 1 } }, () => {
          throw value;
        });
      } catch (error) {
        return { caught: error };
      }
      return null;
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    assert.deepEqual(await scene.settle(run.result()), { caught: value });
  });
}

scenario("an error that cannot be read by ordinary means is recorded all the same", async (scene) => {
  const flow = workflow("hostile-error", async () =>
    step.run("throws", { retry: { maxAttempts: 2 } }, () => {
      const error = new Error("readable");
      if (stepInfo().attempt === 1) throw Object.assign(error, { message: 42 });
      Object.defineProperty(error, "trap", {
        enumerable: true,
        get() {
          throw new Error("trap");
        },
      });
      Object.defineProperty(error, "stack", {
        get() {
          throw new Error("no stack");
        },
      });
      throw error;
    }),
  );
  const one = await scene.worker([flow]);
  const run = await one.engine.start(flow);
  assert.match((await failureOf(scene, run)).cause.message, /readable/);
});

scenario(
  "reliability 5/46: NUL and bad Unicode in results, errors, names and attributes do no harm",
  async (scene) => {
    const bad = "nul \u0000, half \ud800, \udfff, \u2028, 🎉";
    const flow = workflow("bad-text", async (input: string) => {
      const echoed = await step.run("naïve 🎉 step; DROP TABLE runs;--", () => input);
      await step
        .run("throws", { retry: { maxAttempts: 1 } }, () => {
          throw Object.assign(new Error(input), { field: input });
        })
        .catch((error: unknown) => {
          assert.equal((error as Error).message, input);
          assert.equal((error as Error & { field: string }).field, input);
        });
      throw new Error(echoed);
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow, bad, { attributes: { "a'b\"c": "x'; --" } });
    assert.equal((await failureOf(scene, run)).cause.message, bad);
    const found = await one.engine.runs({ attributes: { "a'b\"c": "x'; --" } });
    assert.deepEqual(
      found.items.map(({ id }) => id),
      [run.id],
    );
    const history = await run.history();
    assert.equal((history[0] as { value: unknown }).value, bad);
  },
);

scenario(
  "what the function of a step changes in its arguments is not seen by the workflow",
  async (scene) => {
    const change = step("change", (list: number[]) => {
      list.push(99);
      return list;
    });
    const flow = workflow("copies", async () => {
      const mine = [1];
      const theirs = await change(mine);
      theirs.push(7);
      return { mine, theirs };
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    assert.deepEqual(await scene.settle(run.result()), { mine: [1], theirs: [1, 99, 7] });
  },
);

scenario("a run that was not awaited to its steps' ends warns, and names them", async (scene) => {
  const flow = workflow("unawaited", async () => {
    void step.run("forgotten", () => 1);
    await sleep("1s");
    void step.run("forgotten too", () => 1);
    return "ended";
  });
  const one = await scene.worker([flow]);
  const run = await one.engine.start(flow);
  await scene.settle(run.result());
  const [warning] = scene.logged("warn", /steps that nobody awaited/);
  assert.deepEqual(warning?.fields["steps"], ["forgotten too"]);
  assert.equal(warning.fields["runId"], run.id);
});

scenario(
  "a dead letter goes on from the step that failed, with all its attempts ahead and what was recorded kept",
  async (scene) => {
    const calls: string[] = [];
    let works = false;
    const flow = workflow("dead-letter", async () => {
      const a = await step.run("a", () => {
        calls.push("a");
        return "a";
      });
      await sleep("1s");
      const b = await step.run("b", { retry: { maxAttempts: 2, initialDelay: "1s" } }, () => {
        calls.push("b");
        if (!works) throw new Error("down");
        return "b";
      });
      return a + b;
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await failureOf(scene, run);
    assert.deepEqual(calls, ["a", "b", "b"]);
    await run.retry();
    await failureOf(scene, one.engine.run(run.id));
    assert.deepEqual(calls, ["a", "b", "b", "b", "b"], "two more attempts");
    works = true;
    await run.retry();
    assert.equal(await scene.settle(one.engine.run(flow, run.id).result()), "ab");
    assert.deepEqual(calls, ["a", "b", "b", "b", "b", "b"]);
    await assert.rejects(run.retry(), { code: "RUN_NOT_FAILED" });
    const rewound = (await scene.events(run.id)).filter((event) => event.type === "run.rewound");
    assert.equal(rewound.length, 2);
  },
);

scenario("a dead letter whose own code threw runs its code again over the same results", async (scene) => {
  let bug = true;
  let calls = 0;
  const flow = workflow("dead-letter-code", async () => {
    const value = await step.run("a", () => ++calls);
    if (bug) throw new Error("a bug of the workflow");
    return value;
  });
  const one = await scene.worker([flow]);
  const run = await one.engine.start(flow);
  await failureOf(scene, run);
  bug = false;
  await run.retry();
  assert.equal(await scene.settle(one.engine.run(flow, run.id).result()), 1);
  assert.equal(calls, 1);
});
