import { expect, test } from "vitest";
import type * as context from "./context.ts";
import { currentScope, withScope, type StepScope } from "./context.ts";

test("another copy of the package in the same process sees the run that code belongs to", async () => {
  const copyUrl = `${new URL("./context.ts", import.meta.url).href}?copy`;
  const copy = (await import(copyUrl)) as typeof context;
  expect(copy.currentScope).not.toBe(currentScope);
  const scope = { kind: "step", info: {} } as unknown as StepScope;
  expect(withScope(scope, () => copy.currentScope())).toBe(scope);
});
