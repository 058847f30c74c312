/**
 * Whoever starts runs may be called twice: a webhook that is delivered again, a button that is pressed again, a
 * script that died half-way. With an idempotency key the second start finds the run of the first.
 *
 *   npx tsx examples/06-idempotent-starts.ts
 */
import { createEngine, step, workflow, type PerdureError } from "perdure";

const engine = createEngine({ store: "memory:" });

const ship = step("ship", async (order: string) => {
  console.log(`shipping ${order}`);
  return `parcel of ${order}`;
});

const fulfil = workflow("fulfil", (input: { order: string; express: boolean }) => ship(input.order));

await engine.work();

const input = { order: "A-1", express: false };
const deliveries = await Promise.all(
  [1, 2, 3].map(() => engine.start(fulfil, input, { idempotencyKey: "A-1" })),
);
console.log(`three starts made ${new Set(deliveries.map(({ id }) => id)).size} run`);
console.log(`result: ${await deliveries[2]!.result()}`);

const later = await engine.start(fulfil, input, { idempotencyKey: "A-1" });
console.log(`a start after its end made a new one: ${later.created}`);

try {
  await engine.start(fulfil, { order: "A-1", express: true }, { idempotencyKey: "A-1" });
} catch (error) {
  console.log(`the same key with another input: ${(error as PerdureError).code}`);
}

// An id does the same, and is the run's name besides.
await engine.start(fulfil, { order: "A-2", express: true }, { id: "order-A-2" });
console.log(`by its id: ${await engine.run(fulfil, "order-A-2").result()}`);
await engine.close();
