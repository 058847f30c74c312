/** Values that break stores: what goes in comes out, everywhere, or is refused and leaves no trace. */
import assert from "node:assert/strict";
import type { NewEvent } from "../../model/event.ts";
import {
  newMessage,
  newRun,
  stepCompleted,
  writeOf,
  type SceneCase,
  type StoreScene,
} from "./store-scene.ts";

const texts: Record<string, string> = {
  "an empty text": "",
  "a NUL": "a\0b\0",
  quotes: `'"\`''""`,
  "percent and underscore": "%_%\\%",
  "newlines and tabs": "a\r\n\tb\u2028\u2029",
  SQL: "'); DROP TABLE runs; --",
  "emoji and combining marks": "👩‍👩‍👧 e\u0301 \u00e9 \ufeff",
  "what looks like a number": "0123.50",
  "what looks like JSON": '{"__proto__":{"polluted":true}}',
  "an escaped lone surrogate": '"\\ud800"',
  "a prototype's name": "__proto__",
  "a long text": "x".repeat(100_000),
};

async function roundTrip(scene: StoreScene, text: string): Promise<void> {
  const lane = { queue: `q${text}`, workflow: text, version: text };
  await scene.register(`w${text}`, { lanes: [lane], host: text });
  await scene.create(`r${text}`, {
    ...lane,
    idempotencyKey: text,
    inputHash: text,
    attributes: { [`name ${text}`]: text },
    created: { body: text, payload: text },
  });
  await scene.store.deliver([newMessage(`r${text}`, text, { name: text, payload: text })]);
  const claimed = await scene.take(`r${text}`, { workerId: `w${text}`, lanes: [lane], claim: text });
  const { run } = claimed;
  assert.deepEqual(
    [run.workflow, run.version, run.queue, run.idempotencyKey, run.inputHash, run.workerId, run.claim],
    [text, text, `q${text}`, text, text, `w${text}`, `${text}.0`],
  );
  assert.deepEqual(run.attributes, { [`name ${text}`]: text });
  assert.deepEqual(
    claimed.messages.map(({ id, name, payload }) => [id, name, payload]),
    [[text, text, text]],
  );
  assert.deepEqual([claimed.events[0]?.body, claimed.events[0]?.payload], [text, text]);

  const failed: NewEvent = { type: "run.failed", at: 1, payload: text };
  await scene.accept(
    writeOf(claimed, {
      events: [{ type: "step.started", at: 1, op: 0, name: text, attempt: 1, payload: text }, failed],
      consumed: [text],
      leave: { status: "failed", successorId: text },
    }),
  );
  const history = await scene.store.history({ runId: run.id, afterSeq: 1, limit: 10 });
  assert.deepEqual([history[0]?.name, history[0]?.payload, history[1]?.payload], [text, text, text]);
  assert.equal((await scene.store.run(run.id))?.payload, text);
  assert.equal((await scene.record(run.id)).successorId, text);
  for (const filter of [lane, { idempotencyKey: text }, { attributes: { [`name ${text}`]: text } }]) {
    assert.equal((await scene.store.runs({ limit: 10, ...filter })).items.length, 1);
  }
  assert.deepEqual(
    (await scene.store.workers()).map(({ host, lanes }) => [host, lanes]),
    [[text, [lane]]],
  );
}

export const hostileCases: readonly SceneCase[] = [
  ...Object.entries(texts).map(([what, text]): SceneCase => ({
    name: `${what} comes back the same from every field`,
    check: (scene) => roundTrip(scene, text),
  })),
  {
    name: "a payload of a megabyte comes back the same",
    async check(scene) {
      const payload = `"${"0123456789abcde\u00e9".repeat(65_536)}"`;
      const claimed = await scene.owned({ created: { body: null, payload } });
      await scene.accept(writeOf(claimed, { events: [stepCompleted(0, payload)] }));
      const history = await scene.store.history({ runId: "r1", afterSeq: 0, limit: 10 });
      assert.ok(history.length === 2 && history.every((event) => event.payload === payload));
    },
  },
  {
    name: "a lone surrogate in a payload comes back the same, or its write is refused and leaves no trace",
    async check(scene) {
      const payload = '"a\ud800b"';
      const claimed = await scene.owned();
      const answer = await scene.commit(writeOf(claimed, { events: [stepCompleted(0, payload)] }));
      const history = await scene.store.history({ runId: "r1", afterSeq: 1, limit: 10 });
      if (answer.status === "accepted") assert.equal(history[0]?.payload, payload);
      else {
        assert.ok(answer.status === "rejected");
        assert.equal(answer.reason, "value");
        assert.deepEqual(history, []);
        assert.deepEqual(await scene.record(), claimed.run);
      }
    },
  },
  {
    name: "attributes named like parts of a prototype are only attributes",
    async check(scene) {
      const attributes = JSON.parse(
        '{"__proto__":"a","constructor":"b","toString":true,"hasOwnProperty":1}',
      ) as Record<string, string | number | boolean>;
      await scene.create("r1", { attributes });
      await scene.create("r2");
      const found = (await scene.record()).attributes;
      assert.deepEqual(Object.entries(found).sort(), Object.entries(attributes).sort());
      const filter = JSON.parse('{"__proto__":"a"}') as Record<string, string>;
      assert.equal((await scene.store.runs({ limit: 10, attributes: filter })).items.length, 1);
      assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
    },
  },
  {
    name: "an attribute's number comes back exactly",
    async check(scene) {
      const attributes = { big: Number.MAX_SAFE_INTEGER, small: -1.5e-7, tenth: 0.1, million: 1e21 };
      await scene.create("r1", { attributes });
      assert.deepEqual((await scene.record()).attributes, attributes);
      assert.equal((await scene.store.runs({ limit: 10, attributes })).items.length, 1);
    },
  },
  {
    name: "priorities and times at the ends of their range are kept and ordered",
    async check(scene) {
      await scene.register();
      await scene.store.create([
        newRun("low", { priority: -2_147_483_648 }),
        newRun("high", { priority: 2_147_483_647 }),
        newRun("far", { startAt: 8_640_000_000_000_000 }),
      ]);
      const { runs, nextDueAt } = await scene.claim();
      assert.deepEqual(
        runs.map(({ run }) => [run.id, run.priority]),
        [
          ["high", 2_147_483_647],
          ["low", -2_147_483_648],
        ],
      );
      assert.equal(nextDueAt, 8_640_000_000_000_000);
    },
  },
  {
    name: "a batch larger than a statement takes parameters is written whole",
    async check(scene) {
      await scene.register();
      const runs = Array.from({ length: 3000 }, (_, index) => newRun(`r${index}`, { attributes: { index } }));
      assert.ok((await scene.store.create(runs)).every(({ status }) => status === "created"));
      const messages = runs.map(({ id }) => newMessage(id, "m"));
      assert.ok((await scene.store.deliver(messages)).every((answer) => answer === "delivered"));
      const claimed = (await scene.claim({ limit: 5000 })).runs;
      assert.equal(claimed.length, 3000);
      const { answers } = await scene.store.commit(
        claimed.map((each) => writeOf(each, { events: [stepCompleted()], consumed: ["m"] })),
      );
      assert.ok(answers.every(({ status }) => status === "accepted"));
      await scene.store.release(claimed.map(({ run }) => ({ runId: run.id, claim: run.claim! })));
      assert.deepEqual(await scene.store.count({}), { suspended: 3000 });
    },
  },
];
