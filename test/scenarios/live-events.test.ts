import { expect, onTestFinished, test } from "vitest";
import { createEngine, FatalError, silentLogger, step, workflow } from "perdure";

test("live events of a run that was retried go past its earlier end", async () => {
  let isMended = false;
  const pay = step("pay", async () => {
    if (!isMended) throw new FatalError("no money");
    return "paid";
  });
  const bill = workflow("live-events/bill", async () => pay());
  const engine = createEngine({ store: "memory:", logger: silentLogger });
  onTestFinished(() => engine.close({ drain: false }));
  await engine.work({ workflows: [bill] });
  const run = await engine.start(bill);
  await expect(run.result()).rejects.toThrow("no money");
  isMended = true;
  await run.retry();
  const types: string[] = [];
  for await (const event of run.events()) types.push(event.type);
  expect(types.at(-1)).toBe("run.completed");
  expect(types).toContain("run.failed");
});

test("live events end when the reader knows the run's end already", async () => {
  const nothing = workflow("live-events/nothing", async () => "done");
  const engine = createEngine({ store: "memory:", logger: silentLogger });
  onTestFinished(() => engine.close({ drain: false }));
  await engine.work({ workflows: [nothing] });
  const run = await engine.start(nothing);
  await run.result();
  const { eventCount } = await run.info();
  for await (const event of run.events({ after: eventCount })) expect.fail(`There is no event ${event.seq}.`);
});
