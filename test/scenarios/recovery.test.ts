import assert from "node:assert/strict";
import { PerdureError, sleep, step, stepInfo, workflow } from "perdure";
import { gate } from "./support/gate.ts";
import { scenario, type AnyWorkflow, type Scene, type SceneNode } from "./support/scene.ts";

const trouble = (): PerdureError => new PerdureError("STORE_UNAVAILABLE", "The disk is away for a moment.");

/** Step a, a sleep, two steps beside each other, a flaky one: every kind of commit. */
function shape(calls: string[]): AnyWorkflow {
  const call = (name: string): Promise<string> =>
    step.run(name, { retry: { initialDelay: "1s", jitter: false } }, () => {
      const { runId, attempt } = stepInfo();
      calls.push(`${runId} ${name} ${attempt}`);
      if (name === "flaky" && attempt === 1) throw new Error("once");
      return name;
    });
  return workflow("shape", async () => {
    const results = [await call("a")];
    await sleep("2s");
    results.push(...(await Promise.all([call("b"), call("c")])));
    results.push(await call("flaky"));
    return results.join();
  });
}
const shapeResult = "a,b,c,flaky";

/** Kills the process at its nth commit: before it reaches the store, or before its answer comes back. */
function killAtCommit(node: SceneNode, n: number, when: "before" | "after"): void {
  let commits = 0;
  const count = (method: string): void => {
    if (method === "commit" && ++commits === n) node.kill();
  };
  if (when === "before") node.tap.onCall = count;
  else node.tap.onDone = count;
}

for (const when of ["before", "after"] as const) {
  scenario(
    `reliability 5/18: a worker that dies ${when} any of its commits leaves a run that ends as it should`,
    async (scene) => {
      const calls: string[] = [];
      const flow = shape(calls);
      let n = 1;
      for (; ; n++) {
        const one = await scene.worker([flow]);
        killAtCommit(one, n, when);
        const client = scene.node();
        const run = await client.engine.start(flow, undefined as never, { id: `killed-${n}` });
        await scene.until(
          async () => (one.tap.calls.commit ?? 0) >= n || (await run.status()) === "completed",
        );
        await scene.quiet();
        const survivor = await scene.worker([flow]);
        assert.equal(await scene.settle(run.result()), shapeResult, `commit ${n}`);
        const types = await scene.types(run.id);
        assert.equal(types.filter((type) => type === "run.completed").length, 1);
        assert.equal(types.filter((type) => type === "step.completed").length, 4);
        await scene.settle(survivor.engine.close());
        one.kill();
        if ((one.tap.calls.commit ?? 0) < n) break;
      }
      assert.ok(n > 6, `there were ${n - 1} commits to die at`);
      // A step runs again only when its outcome was not recorded: at most once more for each death.
      for (let run = 1; run < n; run++) {
        const ofRun = calls.filter((call) => call.startsWith(`killed-${run} `));
        assert.ok(ofRun.length <= 5 + 2, ofRun.join("; "));
      }
    },
  );
}

scenario(
  "reliability 5/20 and peers 5.5/41: a store that fails at any call, done or not, loses nothing",
  async (scene) => {
    const calls: string[] = [];
    const flow = shape(calls);
    for (const method of ["claim", "commit", "renew", "expire", "load", "unhold", "snapshots"] as const) {
      for (const isDone of [false, true]) {
        for (const times of [1, 3]) {
          const one = await scene.worker([flow]);
          one.tap.fail(method, trouble(), { isDone, times });
          const run = await one.engine.start(flow, undefined as never);
          assert.equal(await scene.settle(run.result()), shapeResult, `${method} fails ${times} times`);
          await scene.settle(one.engine.close());
          const store = await scene.store();
          assert.deepEqual(await store.workers(), []);
        }
      }
    }
    assert.equal(new Set(calls).size, calls.length, "and no attempt was called twice");
  },
);

scenario("peers 5.5/46: a worker whose store fails for a while goes on when it is back", async (scene) => {
  const calls: string[] = [];
  const flow = shape(calls);
  const one = await scene.worker([flow]);
  for (const method of ["claim", "commit", "renew", "expire"] as const)
    one.tap.fail(method, trouble(), { times: 40 });
  const client = scene.node();
  const run = await client.engine.start(flow, undefined as never);
  assert.equal(await scene.settle(run.result()), shapeResult);
});

for (const when of ["while it slept", "after it woke"] as const) {
  scenario(
    `peers 5.3/23, 24, 26: a worker that slept beyond its lease, and whose step ended ${when}, changes nothing, and its place is free`,
    async (scene) => {
      const first = gate<string>();
      const second = gate<string>();
      let call = 0;
      const aborted: boolean[] = [];
      const flow = workflow("zombie", async () => {
        const value = await step.run("s", () => {
          stepInfo().signal.addEventListener("abort", () => aborted.push(true));
          return ++call === 1 ? first.promise : second.promise;
        });
        await step.run("after", () => value);
        return value;
      });
      const one = await scene.worker([flow], { concurrency: 1 });
      const run = await one.engine.start(flow);
      await scene.untilStill(() => call === 1);
      one.pause();
      const two = await scene.worker([flow]);
      await scene.until(() => call === 2);
      if (when === "while it slept") first.open("zombie");
      await scene.quiet();
      const before = await scene.events(run.id);
      one.resume();
      await scene.quiet();
      if (when === "after it woke") assert.deepEqual(aborted, [true], "the attempt of the zombie was told");
      first.open("zombie");
      await scene.quiet();
      await scene.clock.advance(1_000);
      await scene.quiet();
      assert.deepEqual(await scene.events(run.id), before);
      assert.equal(one.worker.liveCount, 0);
      second.open("owner");
      assert.equal(await scene.settle(two.engine.run(flow, run.id).result()), "owner");
      await scene.settle(two.engine.close());
      // Its only place takes new work, under a new identity.
      const next = await one.engine.start(flow);
      assert.equal(await scene.settle(next.result()), "owner");
    },
  );
}

scenario(
  "reliability 5/1 and peers 5.3/25: a commit that was on its way while its lease ended is refused, alone",
  async (scene) => {
    const inner = gate<string>();
    const slow = workflow("stale-commit", async () => step.run("s", () => inner.promise));
    const one = await scene.worker([slow]);
    const run = await one.engine.start(slow);
    await scene.untilStill(async () => (await scene.types(run.id)).includes("step.started"));
    const commit = one.tap.gate("commit");
    inner.open("first");
    await commit.reached;
    one.pause();
    const two = await scene.worker([slow]);
    assert.equal(await scene.settle(two.engine.run(slow, run.id).result()), "first");
    const before = await scene.events(run.id);
    one.resume();
    commit.open();
    await scene.quiet();
    await scene.clock.advance(20_000);
    await scene.quiet();
    assert.deepEqual(await scene.events(run.id), before);
    assert.equal(before.filter(({ type }) => type === "run.completed").length, 1);
  },
);

scenario(
  "peers 5.3/26: a process that lost its lease and claims its own run again fences its own old pass",
  async (scene) => {
    const gates = [gate<string>(), gate<string>()];
    let call = 0;
    const flow = workflow("own-again", async () => step.run("s", () => gates[call++]!.promise));
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await scene.untilStill(() => call === 1);
    const oldId = one.worker.id;
    // Somebody sets the clock far forward: the lease is over, for the store too.
    scene.clock.stepWall(3_600_000);
    await scene.until(() => call === 2);
    assert.notEqual(one.worker.id, oldId);
    gates[0]!.open("old pass");
    await scene.quiet();
    assert.ok(!(await scene.types(run.id)).includes("step.completed"));
    gates[1]!.open("new pass");
    assert.equal(await scene.settle(run.result()), "new pass");
  },
);

scenario(
  "peers 5.3/30 and reliability 5/3: a lost lease fires the signal of the attempt before anybody else may begin it",
  async (scene) => {
    const hanging = gate();
    let abortedAt: number | null = null;
    const flow = workflow("lease-lost", async () =>
      step.run("s", () => {
        stepInfo().signal.addEventListener("abort", () => (abortedAt ??= scene.clock.monotonic()));
        return hanging.promise;
      }),
    );
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await scene.untilStill(async () => (await scene.types(run.id)).includes("step.started"));
    const begunAt = scene.clock.monotonic();
    // The store is away from this process alone.
    one.tap.fail("renew", trouble(), { times: 1_000 });
    one.tap.fail("commit", trouble(), { times: 1_000 });
    one.tap.fail("claim", trouble(), { times: 1_000 });
    one.tap.fail("register", trouble(), { times: 1_000 });
    const two = await scene.worker([flow]);
    await scene.until(() => abortedAt !== null);
    assert.ok(abortedAt! - begunAt <= 13_000);
    assert.ok(!(await scene.types(run.id)).includes("run.resumed"), "it was nobody else's before");
    hanging.open();
    await scene.settle(two.engine.run(flow, run.id).result());
  },
);

scenario(
  "peers 5.3/28: two processes that could be taken for one another never share a claim",
  async (scene) => {
    const calls: string[] = [];
    const flow = shape(calls);
    const one = await scene.worker([flow]);
    const two = await scene.worker([flow]);
    assert.notEqual(one.worker.id, two.worker.id);
    const runs = await scene.settle(
      one.engine.startMany(
        flow as never,
        Array.from({ length: 20 }, () => ({ input: undefined })),
      ),
    );
    for (const run of runs) assert.equal(await scene.settle(run.result()), shapeResult);
    assert.equal(new Set(calls).size, calls.length, "no attempt was called twice");
    assert.equal(calls.length, 20 * 5);
  },
);

scenario(
  "peers 5.3/29 and reliability 5/6: two workers that recover one run record each step once",
  async (scene) => {
    const calls: string[] = [];
    const flow = shape(calls);
    const one = await scene.worker([flow]);
    killAtCommit(one, 3, "after");
    const client = scene.node();
    const run = await client.engine.start(flow, undefined as never);
    await scene.until(() => (one.tap.calls.commit ?? 0) >= 3);
    const nodes = [await scene.worker([flow]), await scene.worker([flow]), await scene.worker([flow])];
    assert.equal(nodes.length, 3);
    assert.equal(await scene.settle(run.result()), shapeResult);
    const events = await scene.events(run.id);
    const completed = events.flatMap((event) => (event.type === "step.completed" ? [event.op] : []));
    assert.equal(new Set(completed).size, completed.length);
    assert.deepEqual(
      events.map(({ seq }) => seq),
      events.map((_, index) => index + 1),
    );
  },
);

scenario(
  "peers 5.5/39: a run whose workers die again and again ends as a dead letter, and spends no attempt of its steps",
  async (scene) => {
    const hanging = gate();
    let deaths = 0;
    let works = false;
    const attempts: number[] = [];
    const flow = workflow("poison", async () =>
      step.run("kills", async () => {
        attempts.push(stepInfo().attempt);
        if (works) return "cured";
        deaths++;
        await hanging.promise;
        return "";
      }),
    );
    const client = scene.node();
    const run = await client.engine.start(flow);
    for (let death = 1; death <= 6; death++) {
      const node = await scene.worker([flow], { crashLimit: 5 });
      await scene.until(async () => deaths === death || (await run.status()) === "failed");
      node.kill();
      if ((await run.status()) === "failed") break;
    }
    assert.equal(deaths, 5);
    const error = await scene.settle(run.result()).catch((thrown: unknown) => thrown as Error);
    const { cause } = error as Error & { cause: PerdureError };
    assert.equal(cause.code, "CRASH_LIMIT");
    assert.match(cause.message, /retry the run/);
    assert.deepEqual(attempts, [1, 1, 1, 1, 1]);
    works = true;
    await scene.worker([flow]);
    await run.retry();
    assert.equal(await scene.settle(client.engine.run(flow, run.id).result()), "cured");
  },
);

scenario("the crash budget starts anew with each recorded outcome", async (scene) => {
  const flow = workflow("unlucky", async () => {
    for (let n = 0; n < 8; n++) {
      await step.run(`s${n}`, () => n);
      await sleep("1s");
    }
    return "done";
  });
  const client = scene.node();
  const run = await client.engine.start(flow);
  for (let n = 1; n <= 8; n++) {
    const node = await scene.worker([flow], { crashLimit: 2 });
    await scene.until(
      async () => (await scene.types(run.id)).filter((type) => type === "step.completed").length >= n,
    );
    node.kill();
  }
  await scene.worker([flow], { crashLimit: 2 });
  assert.equal(await scene.settle(run.result()), "done");
});

scenario("graceful stops never count as crashes", async (scene) => {
  const hanging = gate();
  const flow = workflow("stopped-often", async () => step.run("long", () => hanging.promise));
  const client = scene.node();
  const run = await client.engine.start(flow);
  for (let stop = 1; stop <= 8; stop++) {
    const node = await scene.worker([flow], { crashLimit: 2 });
    await scene.untilStill(() => node.worker.liveCount === 1);
    await scene.untilStill(async () => (await scene.types(run.id)).includes("step.started"));
    await scene.settle(node.engine.close({ drain: false }));
  }
  hanging.open();
  await scene.worker([flow], { crashLimit: 2 });
  await scene.settle(run.result());
  assert.equal(await run.status(), "completed");
});

scenario(
  "peers 5.5/40: a worker without a run's workflow never claims it, and the run says what it waits for",
  async (scene) => {
    const known = workflow("known", async () => "known");
    const unknown = workflow("unknown-elsewhere", async () => "unknown");
    const one = await scene.worker([known]);
    const run = await one.engine.start(unknown);
    let claimed = 0;
    one.tap.onDone = (method, answer) => {
      if (method === "claim") claimed += (answer as { runs: unknown[] }).runs.length;
    };
    await scene.clock.advance(600_000);
    await scene.quiet();
    assert.equal(claimed, 0);
    const info = await run.info();
    assert.equal(info.status, "pending");
    assert.deepEqual(info.waitingFor, {
      kind: "worker",
      workflow: "unknown-elsewhere",
      version: "1",
      queue: "default",
    });
    assert.deepEqual(await scene.types(run.id), ["run.created"]);
    await scene.worker([unknown]);
    assert.equal(await scene.settle(run.result()), "unknown");
  },
);

scenario("peers 5.5/43: the place of a worker's run is free when its owner dies", async (scene) => {
  const hanging = gate();
  let isFirst = true;
  const stuck = workflow("stuck", async () =>
    step.run("s", () => {
      if (!isFirst) return;
      isFirst = false;
      return hanging.promise;
    }),
  );
  const other = workflow("other", async () => "other");
  const one = await scene.worker([stuck, other], { concurrency: 1 });
  const run = await one.engine.start(stuck);
  await scene.untilStill(async () => (await scene.types(run.id)).includes("step.started"));
  const waiting = await one.engine.start(other);
  await scene.quiet();
  assert.deepEqual((await waiting.info()).waitingFor, { kind: "queue", queue: "default" });
  one.kill();
  const two = await scene.worker([stuck, other], { concurrency: 1 });
  assert.equal(await scene.settle(two.engine.run(other, waiting.id).result()), "other");
  await scene.settle(two.engine.run(run.id).result());
});

scenario("peers 5.5/44: a run keeps its deadline over crashes and recoveries", async (scene) => {
  const flow = workflow("deadline-kept", { deadline: "1m" }, async () => {
    await sleep("10m");
  });
  const client = scene.node();
  const run = await client.engine.start(flow);
  const { deadlineAt } = await run.info();
  for (let death = 0; death < 2; death++) {
    const node = await scene.worker([flow]);
    await scene.quiet();
    node.kill();
  }
  assert.deepEqual((await run.info()).deadlineAt, deadlineAt);
  await scene.worker([flow]);
  const error = await scene.settle(run.result()).catch((thrown: unknown) => thrown as Error);
  assert.match((error as Error).message, /DEADLINE_EXCEEDED/);
  const { updatedAt } = await run.info();
  assert.equal(updatedAt.getTime(), deadlineAt!.getTime());
});

scenario(
  "peers 5.5/45 and reliability 5/20: a worker never holds more runs than it has places, and they are all used",
  async (scene) => {
    let inWork = 0;
    let most = 0;
    const flow = workflow("placed", async () => {
      for (let n = 0; n < 3; n++) {
        await step.run("s", async () => {
          most = Math.max(most, ++inWork);
          await new Promise((resolve) => setImmediate(resolve));
          inWork--;
        });
        if (n === 1) await sleep("1s");
      }
    });
    for (const concurrency of [1, 3, 7]) {
      most = 0;
      const node = await scene.worker([flow], { concurrency });
      const runs = await scene.settle(
        node.engine.startMany(
          flow,
          Array.from({ length: 30 }, () => ({ input: undefined })),
        ),
      );
      for (const run of runs) await scene.settle(run.result());
      assert.equal(most, concurrency);
      assert.equal(node.worker.liveCount, 0);
      await scene.settle(node.engine.close());
    }
  },
);

scenario(
  "peers 5.2/20: many runs that are started at once wake as many places as are free",
  async (scene) => {
    const hanging = gate();
    const flow = workflow("bulk", async () => step.run("s", () => hanging.promise));
    const one = await scene.worker([flow], { concurrency: 4 });
    const two = await scene.worker([flow], { concurrency: 4 });
    await scene.settle(
      one.engine.startMany(
        flow,
        Array.from({ length: 8 }, () => ({ input: undefined })),
      ),
    );
    // The other process hears of it with its next look.
    await scene.until(
      () => one.worker.liveCount === 4 && two.worker.liveCount === 4,
      "both are full",
      20_000,
    );
    hanging.open();
    await scene.until(async () => (await one.engine.count())["completed"] === 8);
  },
);

scenario(
  "reliability 5/19: one run of a batch that cannot be lived does no harm to the others",
  async (scene) => {
    const flow = workflow("batch-mates", async (n: number) => {
      if (n === 3) return step.run("bad", { retry: { maxAttempts: 1 } }, () => () => "not storable");
      if (n === 4) throw new Error("thrown at once");
      if (n === 5) return Symbol("not storable");
      return step.run("good", () => n);
    });
    const one = await scene.worker([flow]);
    const runs = await scene.settle(
      one.engine.startMany(
        flow,
        Array.from({ length: 8 }, (_, input) => ({ input })),
      ),
    );
    const results = await scene.settle(Promise.allSettled(runs.map((run) => run.result())));
    assert.deepEqual(
      results.map(({ status }) => status),
      [0, 1, 2, 3, 4, 5, 6, 7].map((n) => (n >= 3 && n <= 5 ? "rejected" : "fulfilled")),
    );
  },
);

scenario(
  "reliability 5/17 and peers 5.5/44: a process killed in the middle of a step is recovered within three leases",
  async (scene) => {
    let calls = 0;
    const hanging = gate();
    const flow = workflow("mid-step", async () =>
      step.run("s", async () => {
        if (++calls === 1) await hanging.promise;
        return calls;
      }),
    );
    const one = await scene.worker([flow], { lease: "1s" });
    const run = await one.engine.start(flow);
    await scene.untilStill(() => calls === 1);
    one.kill();
    const killedAt = scene.clock.monotonic();
    const two = await scene.worker([flow], { lease: "1s" });
    assert.equal(await scene.settle(two.engine.run(flow, run.id).result()), 2);
    assert.ok(scene.clock.monotonic() - killedAt <= 3_000, `${scene.clock.monotonic() - killedAt} ms`);
  },
);

scenario(
  "reliability 5/40 and peers 5.6/52: a step that lasts ten leases, with its worker alive, runs once",
  async (scene) => {
    let calls = 0;
    const hanging = gate();
    const flow = workflow("long-step", async () =>
      step.run("s", async () => {
        calls++;
        await hanging.promise;
        return "done";
      }),
    );
    const one = await scene.worker([flow]);
    await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await scene.untilStill(() => calls === 1);
    await scene.clock.advance(100_000);
    hanging.open();
    assert.equal(await scene.settle(run.result()), "done");
    assert.equal(calls, 1);
    assert.deepEqual(await scene.types(run.id), [
      "run.created",
      "step.started",
      "step.completed",
      "run.completed",
    ]);
  },
);

scenario("reliability 5/12: the lease that was configured is the lease that the store has", async (scene) => {
  const flow = workflow("leased", async () => undefined);
  const one = await scene.worker([flow], { lease: "47s" });
  const [worker] = await one.engine.workers();
  assert.equal(worker?.leaseMs, 47_000);
  assert.equal(worker.leaseUntil - worker.startedAt, 47_000);
});

scenario(
  "peers 5.4/33 and reliability 5/39: terminate, completion and failure race, and one end stands",
  async (scene) => {
    const ends = new Set<string>();
    for (let n = 0; n < 24; n++) {
      const inner = gate<string>();
      const flow = workflow("ending-race", async (isFailing: boolean) => {
        const value = await step.run("s", { retry: { maxAttempts: 1 } }, () => inner.promise);
        if (isFailing) throw new Error("failed");
        return value;
      });
      const node = await scene.worker([flow]);
      const run = await node.engine.start(flow, n % 2 === 0);
      await scene.untilStill(async () => (await scene.types(run.id)).includes("step.started"));
      const commit = n % 3 === 0 ? node.tap.gate("commit") : null;
      if (n % 4 < 2) inner.open("done");
      const terminated = scene.node().engine.run(run.id).terminate();
      if (n % 4 >= 2) inner.open("done");
      if (commit) {
        await scene.settle(terminated);
        commit.open();
      }
      await scene.settle(terminated);
      await scene.settle(run.result().catch(() => undefined));
      const status = await run.status();
      ends.add(status);
      const ending = (await scene.types(run.id)).filter((type) =>
        /^run\.(completed|failed|cancelled)$/.test(type),
      );
      assert.deepEqual(ending, [`run.${status}`]);
      // What has ended stays as it is.
      assert.equal(await run.terminate(), false);
      assert.equal(await run.status(), status);
      await scene.settle(node.engine.close());
    }
    assert.ok(ends.size >= 2, [...ends].join());
  },
);

scenario(
  "a live run that is terminated hears of it within one heartbeat, though every hint is lost",
  async (scene) => {
    const hanging = gate();
    let isAborted = false;
    const flow = workflow("terminated-live", async () =>
      step.run("s", () => {
        stepInfo().signal.addEventListener("abort", () => (isAborted = true));
        return hanging.promise;
      }),
    );
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    await scene.untilStill(async () => (await scene.types(run.id)).includes("step.started"));
    const askedAt = scene.clock.monotonic();
    // Another process, whose hints do not reach the first.
    await scene.node().engine.run(run.id).terminate({ reason: "enough" });
    await assert.rejects(scene.settle(run.result()), {
      name: "CancelledError",
      code: "TERMINATED",
      message: "enough",
    });
    assert.ok(scene.clock.monotonic() - askedAt <= 3_500);
    await scene.quiet();
    assert.equal(isAborted, true);
  },
);

async function parkedRun(scene: Scene, flow: AnyWorkflow): Promise<{ node: SceneNode; id: string }> {
  const node = await scene.worker([flow]);
  const run = await node.engine.start(flow.workflowName);
  await scene.untilStill(async () => (await run.status()) === "suspended");
  return { node, id: run.id };
}

scenario(
  "reliability 5/9: a worker that loses a run to another stops silently: it begins no step and logs no raw error",
  async (scene) => {
    const began: string[] = [];
    const flow = workflow("commit-race", async () => {
      await sleep("5s");
      await step.run("after", () => void began.push("after"));
    });
    const { node, id } = await parkedRun(scene, flow);
    const commit = node.tap.gate("commit");
    await scene.until(() => node.worker.liveCount === 1);
    // The run is taken away while the commit of its turn is on its way.
    await commit.reached;
    const store = await scene.store();
    const { run } = (await store.run(id))!;
    await store.release([{ runId: id, claim: run.claim! }]);
    const two = await scene.worker([flow]);
    await scene.settle(two.engine.run(id).result());
    commit.open();
    await scene.quiet();
    assert.deepEqual(began, ["after"]);
    assert.deepEqual(scene.logged("error", /./), []);
  },
);

scenario(
  "reliability 5/7: two recoverers of one sleeping run, at the moment it is due, fire its timer once",
  async (scene) => {
    const flow = workflow("due-race", async () => {
      await sleep("5s");
      return "woken";
    });
    const { node, id } = await parkedRun(scene, flow);
    node.kill();
    await scene.worker([flow]);
    await scene.worker([flow]);
    await scene.worker([flow]);
    assert.equal(await scene.settle(scene.node().engine.run(id).result()), "woken");
    assert.equal((await scene.types(id)).filter((type) => type === "timer.fired").length, 1);
  },
);

scenario("priority goes first, then who is longer due", async (scene) => {
  const order: string[] = [];
  const flow = workflow("ordered", async (name: string) => {
    order.push(name);
    await step.run("s", () => undefined);
  });
  const client = scene.node();
  const runs = [];
  for (const [name, priority] of [
    ["low", -5],
    ["first", 0],
    ["second", 0],
    ["high", 9],
  ] as const) {
    runs.push(await client.engine.start(flow, name, { priority }));
    await scene.clock.advance(1);
  }
  await scene.worker([flow], { concurrency: 1 });
  for (const run of runs) await scene.settle(run.result());
  assert.deepEqual(order, ["high", "first", "second", "low"]);
});
