import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "vitest";
import { createMemoryStore } from "../../packages/perdure/src/stores/memory/memory-store.ts";
import { createSqliteStore } from "../../packages/perdure/src/stores/sqlite/sqlite-store.ts";
import type { Store } from "../../packages/perdure/src/store.ts";
import { changingMethods, otherMethods, readingMethods } from "./seam-store.ts";

const listed: readonly string[] = [...changingMethods, ...readingMethods, ...otherMethods];
const sources = new URL("../../packages/perdure/src/", import.meta.url);

function methodsOf(store: Store): string[] {
  const prototype = Object.getPrototypeOf(store) as object;
  return Object.getOwnPropertyNames(prototype).filter(
    (name) =>
      name !== "constructor" && typeof Object.getOwnPropertyDescriptor(prototype, name)!.value === "function",
  );
}

test("every method of a store passes the seam, or is known to only look", () => {
  for (const store of [createMemoryStore(), createSqliteStore({ path: "never-opened.db" })]) {
    const unlisted = methodsOf(store).filter((name) => !listed.includes(name));
    assert.deepEqual(unlisted, [], `${store.description} has methods that the crash points leave out`);
  }
});

test("the runtime reaches its store through the port alone", () => {
  const runtime = readdirSync(new URL("runtime/", sources)).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
  );
  const calls = new Set<string>();
  for (const file of [...runtime.map((name) => `runtime/${name}`), "engine.ts"]) {
    const text = readFileSync(new URL(file, sources), "utf8");
    for (const [, module] of text.matchAll(/from "([^"]+)"/g)) {
      const isBypass = /\/stores\/|sqlite|^node:fs/.test(module!);
      assert.ok(!isBypass, `${file} imports ${module}: its writes would have no crash point`);
    }
    for (const [, method] of text.matchAll(/\bstore(?:\(\)\))?\s*\.(\w+)\(/g)) calls.add(method!);
  }
  // `then` is that of the promise of a store.
  const unknown = [...calls].filter((method) => method !== "then" && !listed.includes(method));
  assert.deepEqual(unknown, [], "calls of a store that the crash points do not know");
  for (const method of ["create", "commit", "claim", "expire"])
    assert.ok(calls.has(method), `${method} is called`);
});
