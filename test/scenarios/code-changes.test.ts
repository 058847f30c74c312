import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { sleep, step, workflow, type RunDetails } from "perdure";
import { gate } from "./support/gate.ts";
import { scenario, type AnyWorkflow, type Scene } from "./support/scene.ts";

type Code = () => Promise<unknown>;

const a = (): Promise<string> => step.run("a", () => "a");
const b = (): Promise<string> => step.run("b", () => "b");

/** The same name and version with other code: a deploy. */
const deployed = (name: string, code: Code): AnyWorkflow => workflow(name, code);

interface Edit {
  kind: string;
  after: Code;
  recorded: RegExp;
  attempted: RegExp | null;
}

/** Live: step a, step b, a sleep, then more. Each edit is met when the run is asleep. */
const before: Code = async () => {
  const one = await a();
  const two = await b();
  await sleep("5s");
  return one + two;
};

const edits: Edit[] = [
  {
    kind: "renamed",
    after: async () => {
      await step.run("a2", () => "a");
      await b();
      await sleep("5s");
    },
    recorded: /step "a"/,
    attempted: /step "a2"/,
  },
  {
    kind: "reordered",
    after: async () => {
      await b();
      await a();
      await sleep("5s");
    },
    recorded: /step "a"/,
    attempted: /step "b"/,
  },
  {
    kind: "removed",
    after: async () => {
      await b();
      await sleep("5s");
    },
    recorded: /step "a"/,
    attempted: /step "b"/,
  },
  {
    kind: "inserted before the others",
    after: async () => {
      await step.run("new", () => 1);
      await a();
      await b();
      await sleep("5s");
    },
    recorded: /step "a"/,
    attempted: /step "new"/,
  },
  {
    kind: "inserted between two",
    after: async () => {
      await a();
      await step.run("new", () => 1);
      await b();
      await sleep("5s");
    },
    recorded: /step "b"/,
    attempted: /step "new"/,
  },
  {
    kind: "changed in kind, from a step to a sleep",
    after: async () => {
      await a();
      await sleep("1s");
      await sleep("5s");
    },
    recorded: /step "b"/,
    attempted: /timer "sleep"/,
  },
  {
    kind: "changed in kind, from a sleep to a step",
    after: async () => {
      await a();
      await b();
      await step.run("sleep", () => 1);
    },
    recorded: /timer "sleep"/,
    attempted: /step "sleep"/,
  },
  {
    kind: "begun beside another instead of after it",
    after: async () => {
      await Promise.all([a(), b()]);
      await sleep("5s");
    },
    recorded: /no operation/,
    attempted: /step "b"/,
  },
  {
    kind: "left out by an early return",
    after: async () => {
      await a();
      return "early";
    },
    recorded: /history goes on/,
    attempted: null,
  },
  {
    kind: "left out by a throw",
    after: async () => {
      throw new Error("broken");
    },
    recorded: /history goes on/,
    attempted: null,
  },
];

async function held(scene: Scene, id: string): Promise<RunDetails> {
  const client = scene.node();
  let info!: RunDetails;
  await scene.until(async () => (info = await client.engine.run(id).info()).waitingFor?.kind === "code");
  return info;
}

for (const [index, { kind, after, recorded, attempted }] of edits.entries()) {
  scenario(
    `peers 5.1/11: an operation that was ${kind} holds the live run, which goes on when the code fits again`,
    async (scene) => {
      const name = `edited-${index}`;
      const original = deployed(name, before);
      const one = await scene.worker([original]);
      const run = await one.engine.start(original.workflowName);
      await scene.untilStill(async () => (await run.status()) === "suspended");
      const history = await scene.types(run.id);
      one.kill();

      const two = await scene.worker([deployed(name, after)]);
      const info = await held(scene, run.id);
      assert.equal(info.status, "suspended");
      assert.ok(info.waitingFor?.kind === "code");
      assert.equal(info.waitingFor.code, "HISTORY_MISMATCH");
      const { message } = info.waitingFor;
      assert.match(message, new RegExp(run.id));
      assert.match(message, recorded);
      assert.match(message, /put the old code back, or register the new code as a new version/);
      if (attempted) {
        assert.match(message, attempted);
        assert.match(message, /operation \d/);
        assert.match(message, /code-changes\.test\.ts:\d+:\d+/);
      }
      assert.equal(scene.logged("error", /./).at(-1)?.fields["code"], "HISTORY_MISMATCH");
      two.kill();

      const three = await scene.worker([deployed(name, before)]);
      assert.equal(await scene.settle(three.engine.run(run.id).result()), "ab");
      const events = await scene.types(run.id);
      assert.deepEqual(events.slice(0, history.length), history);
      assert.ok(!events.includes("run.failed"));
    },
  );
}

scenario("code that was added behind what the history has runs", async (scene) => {
  const original = deployed("extended", before);
  const one = await scene.worker([original]);
  const run = await one.engine.start(original.workflowName);
  await scene.untilStill(async () => (await run.status()) === "suspended");
  one.kill();
  const two = await scene.worker([
    deployed("extended", async () => [await before(), await step.run("more", () => "more")]),
  ]);
  assert.deepEqual(await scene.settle(two.engine.run(run.id).result()), ["ab", "more"]);
});

scenario(
  "reliability 5/32: a mismatch that passes leaves no mark, one that stays holds the run without a loop",
  async (scene) => {
    const original = deployed("passing", before);
    const one = await scene.worker([original]);
    const run = await one.engine.start(original.workflowName);
    await scene.untilStill(async () => (await run.status()) === "suspended");
    one.kill();
    const two = await scene.worker([deployed("passing", async () => b())]);
    await held(scene, run.id);
    const claims = two.tap.calls.claim!;
    const eventCount = (await scene.events(run.id)).length;
    // It is tried again once a minute, and not in between.
    await scene.clock.advance(300_000);
    await scene.quiet();
    assert.ok(two.tap.calls.claim! - claims < 60, "held runs are not claimed in a loop");
    assert.ok((await scene.events(run.id)).length - eventCount <= 5, "and their history does not grow");
    two.kill();
    const three = await scene.worker([deployed("passing", before)]);
    assert.equal(await scene.settle(three.engine.run(run.id).result()), "ab");
  },
);

scenario("a held run can be terminated without a worker", async (scene) => {
  const original = deployed("held-terminated", before);
  const one = await scene.worker([original]);
  const run = await one.engine.start(original.workflowName);
  await scene.untilStill(async () => (await run.status()) === "suspended");
  one.kill();
  const two = await scene.worker([deployed("held-terminated", async () => b())]);
  await held(scene, run.id);
  two.kill();
  const client = scene.node();
  assert.equal(await client.engine.run(run.id).terminate({ reason: "given up" }), true);
  await assert.rejects(scene.settle(client.engine.run(run.id).result()), /given up/);
  assert.equal(await client.engine.run(run.id).status(), "cancelled");
});

const foreign: Record<string, () => Promise<unknown>> = {
  "a timer": () => new Promise((resolve) => setTimeout(resolve, 50)),
  "a request": async () => {
    const server = createServer((_, response) => response.end("hello")).listen(0);
    const { port } = server.address() as AddressInfo;
    const text = await (await fetch(`http://localhost:${port}`)).text();
    server.closeAllConnections();
    server.close();
    return text;
  },
  "a digest": () => webcrypto.subtle.digest("SHA-256", new Uint8Array(30_000_000)),
  "an import": async () => {
    // A module of this moment is not in any cache; it takes its time, since one turn of the event loop can be enough for another.
    const folder = mkdtempSync(join(tmpdir(), "perdure-import-"));
    writeFileSync(
      join(folder, "fresh.mjs"),
      "export default await new Promise((resolve) => setTimeout(resolve, 50));",
    );
    await import(pathToFileURL(join(folder, "fresh.mjs")).href);
    rmSync(folder, { recursive: true });
  },
};

for (const [what, wait] of Object.entries(foreign)) {
  scenario(
    `a run that awaited ${what} is held as FOREIGN_AWAIT, with the place and the advice`,
    async (scene) => {
      const flow = workflow(`foreign ${what}`, async () => {
        await a();
        await wait();
        return b();
      });
      const one = await scene.worker([flow]);
      const run = await one.engine.start(flow);
      const client = scene.node();
      let info!: RunDetails;
      await scene.untilStill(
        async () => (info = await client.engine.run(run.id).info()).waitingFor?.kind === "code",
      );
      assert.ok(info.waitingFor?.kind === "code");
      assert.equal(info.status, "suspended");
      assert.equal(info.waitingFor.code, "FOREIGN_AWAIT");
      assert.match(
        info.waitingFor.message,
        /step "b" \(at .*code-changes\.test\.ts:\d+:\d+\).*Put what is awaited into a step/,
      );
      assert.ok(!(await scene.types(run.id)).includes("run.failed"));
      one.kill();

      const fixed = workflow(`foreign ${what}`, async () => {
        await a();
        await step.run("wait", wait);
        return b();
      });
      const two = await scene.worker([fixed]);
      await scene.untilStill(async () => (await two.engine.run(run.id).status()) === "completed");
      assert.equal(await scene.settle(two.engine.run(run.id).result()), "b");
    },
  );
}

scenario("a function that ends after something foreign is held too", async (scene) => {
  const flow = workflow("foreign-end", async () => {
    await a();
    await new Promise((resolve) => setTimeout(resolve, 50));
    return "ended";
  });
  const one = await scene.worker([flow]);
  const run = await one.engine.start(flow);
  let info!: RunDetails;
  await scene.untilStill(async () => (info = await run.info()).waitingFor?.kind === "code");
  assert.ok(info.waitingFor?.kind === "code");
  assert.equal(info.waitingFor.code, "FOREIGN_AWAIT");
});

scenario(
  "a foreign await beside a running step is found, and the step's outcome is not lost",
  async (scene) => {
    const slow = gate<string>();
    const code = (isFixed: boolean): AnyWorkflow =>
      workflow("foreign-beside", async () => {
        const running = step.run("slow", () => slow.promise);
        const wait = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 50));
        await (isFixed ? step.run("wait", wait) : wait().then(() => a()));
        return running;
      });
    const flow = code(false);
    const one = await scene.worker([flow]);
    const run = await one.engine.start("foreign-beside");
    let info!: RunDetails;
    await scene.untilStill(async () => (info = await run.info()).waitingFor?.kind === "code");
    assert.ok(info.waitingFor?.kind === "code");
    assert.equal(info.waitingFor.code, "FOREIGN_AWAIT");
    one.kill();
    slow.open("slow");
    const two = await scene.worker([code(true)]);
    await scene.untilStill(async () => (await two.engine.run(run.id).status()) === "completed");
    assert.equal(await scene.settle(two.engine.run(run.id).result()), "slow");
  },
);

scenario(
  "a run that waits for a promise of its own that never settles is held as IDLE_RUN",
  async (scene) => {
    const flow = workflow("idle", async () => {
      await a();
      await new Promise(() => undefined);
    });
    const one = await scene.worker([flow]);
    const run = await one.engine.start(flow);
    const info = await held(scene, run.id);
    assert.ok(info.waitingFor?.kind === "code");
    assert.equal(info.waitingFor.code, "IDLE_RUN");
    assert.match(info.waitingFor.message, /never settles\. Put what is awaited into a step/);
    one.kill();
    const two = await scene.worker([workflow("idle", async () => a())]);
    assert.equal(await scene.settle(two.engine.run(run.id).result()), "a");
  },
);

scenario("two runs that share a queue of their own do not get each other's operations", async (scene) => {
  // A module-level lock: the second run is woken by the first one's turn.
  let tail: Promise<unknown> = Promise.resolve();
  const locked = (work: () => Promise<unknown>): Promise<unknown> => {
    const turn = tail.then(work);
    tail = turn.catch(() => undefined);
    return turn;
  };
  const flow = workflow("locked", async (name: string) => {
    await locked(() => step.run("inside", () => name));
    return name;
  });
  const one = await scene.worker([flow]);
  const runs = await one.engine.startMany(flow, [{ input: "first" }, { input: "second" }]);
  let infos: RunDetails[] = [];
  await scene.until(async () => {
    infos = await Promise.all(runs.map((run) => run.info()));
    return infos.every(({ status }) => status === "completed" || status === "suspended");
  });
  const [done, stopped] = infos.sort((left, right) => (left.status < right.status ? -1 : 1));
  assert.equal(done!.output, done!.id === runs[0]!.id ? "first" : "second");
  assert.ok(stopped!.waitingFor?.kind === "code");
  assert.match(stopped!.waitingFor.code, /FOREIGN_AWAIT|IDLE_RUN/);
  assert.deepEqual(await scene.types(stopped!.id), ["run.created"]);
});
