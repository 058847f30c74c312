import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string =>
  fileURLToPath(new URL(`./packages/perdure/src/${path}`, import.meta.url));

/** Tests import the package by its public names and get its sources, so that no build lies between. */
const alias = [
  { find: /^perdure$/, replacement: source("index.ts") },
  { find: /^perdure\/(sqlite|testing)$/, replacement: source("$1.ts") },
];

const project = (name: string, include: string[], testTimeout = 20_000) => ({
  resolve: { alias },
  test: { name, include, testTimeout, hookTimeout: 30_000, environment: "node" as const },
});

export default defineConfig({
  test: {
    projects: [
      project("unit", ["packages/*/src/**/*.test.ts"]),
      project("architecture", ["test/architecture/**/*.test.ts"]),
      project("surface", ["test/surface/**/*.test.ts"], 120_000),
      project("scenarios", ["test/scenarios/**/*.test.ts"], 60_000),
      project("stores", ["test/stores/**/*.test.ts"], 60_000),
      project("simulation", ["test/simulation/**/*.test.ts"], 300_000),
      project("crash", ["test/crash/**/*.test.ts"], 300_000),
      project("cli", ["test/cli/**/*.test.ts"], 60_000),
      project("examples", ["test/examples/**/*.test.ts"], 120_000),
    ],
  },
});
