/**
 * A schema on a workflow or a step checks what comes in and what goes out, and gives the function its types. Any
 * Standard Schema will do: zod here, valibot and arktype as well.
 *
 *   npx tsx examples/07-schemas.ts
 */
import { createEngine, step, workflow, type PerdureError } from "perdure";
import { z } from "zod";

const engine = createEngine({ store: "memory:" });

const Signup = z.object({
  email: z.email(),
  plan: z.enum(["free", "pro"]).default("free"),
  bornAt: z.iso.date().transform((day) => new Date(day)),
});

const Account = z.object({ id: z.string().startsWith("acc_"), email: z.email() });

const createAccount = step("create-account", { output: Account }, async (email: string) => {
  return { id: email.startsWith("mallory") ? "oops" : "acc_1", email };
});

const signUp = workflow("sign-up", { input: Signup, output: Account }, async ({ email, plan, bornAt }) => {
  console.log(`signing up ${email} for ${plan}, born in ${bornAt.getUTCFullYear()}`);
  return createAccount(email);
});

await engine.work();
const run = await engine.start(signUp, { email: "ada@example.com", bornAt: "1815-12-10" });
console.log("result:", await run.result());

try {
  await engine.start(signUp, { email: "ada at example", bornAt: "tomorrow" });
} catch (error) {
  console.log(`refused before anything was written: ${(error as PerdureError).message}`);
}

const mallory = await engine.start(signUp, { email: "mallory@example.com", bornAt: "1990-01-01" });
await mallory.result().catch((error: unknown) => console.log((error as Error).message));
console.log("runs:", await engine.count());
await engine.close();
