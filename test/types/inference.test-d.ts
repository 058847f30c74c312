/**
 * What the compiler knows of a user's code. Nothing here runs: the check of types is the test, and a line marked as an error
 * that is none fails it.
 */
import {
  createEngine,
  map,
  mapSettled,
  sleep,
  start,
  step,
  workflow,
  type RunHandle,
  type Step,
  type Workflow,
} from "perdure";
import { expectTypeOf } from "vitest";
import { z } from "zod";

const engine = createEngine({ store: "memory:" });

interface Order {
  id: string;
  amount: number;
}

// Steps

const charge = step("charge", async (order: Order, isTest?: boolean) => ({ receipt: order.id, isTest }));
expectTypeOf(charge).toExtend<
  (order: Order, isTest?: boolean) => Promise<{ receipt: string; isTest: boolean | undefined }>
>();
expectTypeOf<ReturnType<typeof charge.fn>>().toEqualTypeOf<
  Promise<{ receipt: string; isTest: boolean | undefined }>
>();
expectTypeOf<Parameters<ReturnType<typeof charge.with>>>().toEqualTypeOf<
  [order: Order, isTest?: boolean | undefined]
>();
// @ts-expect-error an argument is missing
void charge();
// @ts-expect-error an argument of another type
void charge({ id: 1, amount: 2 });

const plainStep = step("plain", { retry: { maxAttempts: 2 } }, () => 5);
expectTypeOf(plainStep).toEqualTypeOf<Step<[], number>>();
expectTypeOf(plainStep()).toEqualTypeOf<Promise<number>>();

const checkedStep = step(
  "checked",
  { input: z.object({ at: z.coerce.date(), size: z.number().default(1) }) },
  async (input) => {
    expectTypeOf(input).toEqualTypeOf<{ at: Date; size: number }>();
    return input.size;
  },
);
expectTypeOf(checkedStep({ at: "2024-01-01" })).toEqualTypeOf<Promise<number>>();
expectTypeOf(step.run("closure", async () => ["a"])).toEqualTypeOf<Promise<string[]>>();
expectTypeOf(step.run("closure", { timeout: 5 }, () => 1)).toEqualTypeOf<Promise<number>>();
// @ts-expect-error an option that does not exist
step("typo", { retries: 5 }, () => 1);
// @ts-expect-error a back-off that does not exist
step("typo", { retry: { backoff: "random" } }, () => 1);

// Workflows

const withInput = workflow("with-input", async (order: Order) => (await charge(order)).receipt);
expectTypeOf(withInput).toEqualTypeOf<Workflow<Order, string>>();
expectTypeOf(engine.start(withInput, { id: "a", amount: 1 })).toEqualTypeOf<Promise<RunHandle<string>>>();
expectTypeOf(start(withInput, { id: "a", amount: 1 }, { idempotencyKey: "a" })).toEqualTypeOf<
  Promise<RunHandle<string>>
>();
// @ts-expect-error the input is missing
void engine.start(withInput);
// @ts-expect-error an input of another type
void engine.start(withInput, { id: 5, amount: 1 });
// @ts-expect-error an option that does not exist
void engine.start(withInput, { id: "a", amount: 1 }, { key: "a" });

const withoutInput = workflow("without-input", async () => {
  await sleep("1s");
  return 7;
});
expectTypeOf(withoutInput).toEqualTypeOf<Workflow<void, number>>();
expectTypeOf(engine.start(withoutInput)).toEqualTypeOf<Promise<RunHandle<number>>>();
expectTypeOf(engine.start(withoutInput, undefined, { delay: "1s" })).toEqualTypeOf<
  Promise<RunHandle<number>>
>();
// @ts-expect-error it takes no input
void engine.start(withoutInput, 5);

const withOptions = workflow("with-options", { version: "2", deadline: "1h" }, async (n: number) => [n]);
expectTypeOf(withOptions).toEqualTypeOf<Workflow<number, number[]>>();
const noInputWithOptions = workflow("no-input-with-options", { transient: true }, () => "sync");
expectTypeOf(noInputWithOptions).toEqualTypeOf<Workflow<void, string>>();

const optionalInput = workflow("optional-input", async (name: string | undefined) => name ?? "nobody");
void engine.start(optionalInput, "ada");
void engine.start(optionalInput, undefined);

const withSchema = workflow(
  "with-schema",
  { input: z.object({ email: z.string(), tries: z.number().default(3) }), output: z.string() },
  async (user) => {
    expectTypeOf(user).toEqualTypeOf<{ email: string; tries: number }>();
    return user.email;
  },
);
// What goes in is what the schema takes, defaults left out; the function gets what it gives.
expectTypeOf(withSchema).toEqualTypeOf<Workflow<{ email: string; tries?: number | undefined }, string>>();
void engine.start(withSchema, { email: "a@b.c" });
// @ts-expect-error the schema wants a text
void engine.start(withSchema, { email: 5 });

// Handles

expectTypeOf(engine.run(withInput, "id")).toEqualTypeOf<RunHandle<string>>();
expectTypeOf(engine.run("id")).toEqualTypeOf<RunHandle>();
expectTypeOf(engine.run("id").result()).toEqualTypeOf<Promise<unknown>>();
expectTypeOf(engine.run(withoutInput, "id").result({ timeout: "1s" })).toEqualTypeOf<Promise<number>>();
expectTypeOf(engine.start("by-name", { any: "thing" })).toEqualTypeOf<Promise<RunHandle>>();
expectTypeOf(
  engine.startMany(withInput, [{ input: { id: "a", amount: 1 }, options: { priority: 1 } }]),
).toEqualTypeOf<Promise<RunHandle<string>[]>>();
// @ts-expect-error one of the inputs is of another type
void engine.startMany(withInput, [{ input: { id: "a", amount: 1 } }, { input: 5 }]);
void engine.work({ workflows: [withInput, withoutInput, withOptions, withSchema, noInputWithOptions] });

// Lists

expectTypeOf(map([1, 2], (n, index) => `${n}${index}`)).toEqualTypeOf<Promise<string[]>>();
expectTypeOf(map([1, 2], { concurrency: 2 }, async (n) => n)).toEqualTypeOf<Promise<number[]>>();
expectTypeOf(mapSettled(["a"], { tolerate: "5%" }, async (text) => text.length)).toEqualTypeOf<
  Promise<PromiseSettledResult<number>[]>
>();
// @ts-expect-error neither a number nor a percentage
void mapSettled(["a"], { tolerate: "five" }, () => 1);
