/**
 * Time, chance, output and the process: whatever is not the code's own comes through a port, so that a simulation can decide it.
 *
 * Each exemption names what a file may use and why. One that is no longer needed fails as well.
 */
import assert from "node:assert/strict";
import { test } from "vitest";
import ts from "typescript";
import { lineOf, sourceFiles, walk, type SourceFile } from "./source-tree.ts";

/** Reads of global names, with the port that has it instead. */
const forbidden: Record<string, string> = {
  "Date.now": "clock.ts",
  "new Date()": "clock.ts",
  "Math.random": "entropy.ts",
  randomUUID: "entropy.ts",
  randomBytes: "entropy.ts",
  randomFillSync: "entropy.ts",
  setTimeout: "clock.ts",
  setInterval: "clock.ts",
  setImmediate: "clock.ts",
  "process.nextTick": "clock.ts",
  "performance.now": "clock.ts",
  "process.hrtime": "clock.ts",
  console: "logger.ts",
  "process.stdout": "logger.ts",
  "process.stderr": "logger.ts",
  "process.exit": "nothing: a library does not end its host",
  "process.kill": "nothing: a library does not end its host",
  "process.on": "nothing: handlers are the host's",
  "process.once": "nothing: handlers are the host's",
};

/** By file or folder: what it may use, and why. */
const exemptions: Record<string, { uses: readonly string[]; why: string }> = {
  "clock.ts": {
    uses: ["Date.now", "performance.now", "setTimeout", "setImmediate"],
    why: "it is the port of the process's time",
  },
  "entropy.ts": { uses: ["Math.random", "randomFillSync"], why: "it is the port of chance" },
  "logger.ts": { uses: ["process.stderr"], why: "it is the port of diagnostics, and this its default" },
  "workflow/deterministic.ts": {
    uses: ["Date.now", "Math.random", "randomUUID"],
    why: "outside of a run now(), random() and uuid() pass through, and there is no engine to ask",
  },
  "runtime/unhandled.ts": {
    uses: ["process.on"],
    why: "an unhandled rejection is found in no other way; the handlers stay while a worker runs",
  },
  "stores/sqlite/transaction.ts": {
    uses: ["performance.now", "setTimeout", "Math.random"],
    why: "waiting for another process's lock is real time, whatever time it is in the store",
  },
  "stores/sqlite/change-watch.ts": {
    uses: ["setTimeout"],
    why: "other processes commit in real time, whatever time it is in the store",
  },
  "testing/fake-clock.ts": {
    uses: ["setImmediate"],
    why: "code comes to rest on the real event loop, also under a clock that stands still",
  },
  "testing/simulation/campaign.ts": {
    uses: ["performance.now"],
    why: "how many seeds a minute there are is a matter of real time",
  },
  "testing/simulation/main.ts": {
    uses: ["process.stdout", "process.stderr"],
    why: "it is a program, and says what it found",
  },
  "testing/simulation/": {
    uses: ["setImmediate"],
    why: "code comes to rest on the real event loop, also under a clock that stands still",
  },
  "cli/": {
    uses: [
      "Date.now",
      "new Date()",
      "performance.now",
      "setTimeout",
      "setInterval",
      "process.stdout",
      "process.stderr",
      "process.exit",
      "process.on",
    ],
    why: "it is a program: it draws on a terminal, takes signals and ends its own process",
  },
};

interface Use {
  file: SourceFile;
  name: string;
  place: string;
}

/** A use of a forbidden name, in code and not in types. */
function usesOf(file: SourceFile): Use[] {
  const uses: Use[] = [];
  const declared = declaredNames(file);
  walk(file.tree, (node) => {
    const name = nameOf(node);
    if (name === undefined || !Object.hasOwn(forbidden, name)) return;
    // A `process` of the simulation is no global, nor is a parameter that has the name of one.
    if (declared.has(name.split(".")[0]!)) return;
    uses.push({ file, name, place: `${file.path}:${lineOf(file, node)} ${name}` });
  });
  return uses;
}

/** Names that the file binds itself: variables and parameters. */
function declaredNames(file: SourceFile): Set<string> {
  const names = new Set<string>();
  walk(file.tree, (node) => {
    if (
      (ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isBindingElement(node)) &&
      ts.isIdentifier(node.name)
    )
      names.add(node.name.text);
  });
  return names;
}

function nameOf(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    if (node.expression.text === "globalThis") return node.name.text;
    return node.expression.text === "console" ? "console" : `${node.expression.text}.${node.name.text}`;
  }
  if (ts.isNewExpression(node)) {
    const isNow =
      ts.isIdentifier(node.expression) && node.expression.text === "Date" && !node.arguments?.length;
    return isNow ? "new Date()" : undefined;
  }
  // A bare name that is called or handed over; the name of a property, a member or an import is none of these.
  if (!ts.isIdentifier(node) || !/^(set[A-Z]|random[A-Z])/.test(node.text)) return undefined;
  const { parent } = node;
  const isMember = ts.isPropertyAccessExpression(parent) && parent.name === node;
  const isUse =
    (ts.isCallExpression(parent) && !isMember) ||
    (ts.isPropertyAssignment(parent) && parent.initializer === node) ||
    (ts.isVariableDeclaration(parent) && parent.initializer === node);
  return isUse ? node.text : undefined;
}

function exemptionOf(path: string): [key: string, uses: readonly string[]] | undefined {
  const key = Object.keys(exemptions).find((one) =>
    one.endsWith("/") ? path.startsWith(one) : path === one,
  );
  return key === undefined ? undefined : [key, exemptions[key]!.uses];
}

test("time, chance, output and the process come through ports", () => {
  const wrong = sourceFiles()
    .flatMap(usesOf)
    .filter(({ file, name }) => !exemptionOf(file.path)?.[1].includes(name))
    .map(({ place, name }) => `${place}: use ${forbidden[name]!}`);
  assert.deepEqual(wrong, []);
});

test("no exemption is older than its need", () => {
  const used = new Set(
    sourceFiles()
      .flatMap(usesOf)
      .map(({ file, name }) => `${exemptionOf(file.path)?.[0] ?? ""} ${name}`),
  );
  const idle = Object.entries(exemptions)
    // A folder's exemption is for programs that are being written; a file's is exact.
    .filter(([key]) => !key.endsWith("/"))
    .flatMap(([key, { uses }]) => uses.map((name) => `${key} ${name}`))
    .filter((use) => !used.has(use));
  assert.deepEqual(idle, []);
});

/** What all copies of the package in a process share, under a versioned key. */
const sharers = ["workflow/context.ts", "workflow/registry.ts"];

/** Module-level state that outlives an engine, by file and name. */
const sharedState: Record<string, string> = {
  "clock.ts resting": "one rest of the event loop serves all who wait for it",
  "default-engine.ts opened": "there is one default engine in a process, and this is it",
  "default-engine.ts working": "the default engine's worker",
  "runtime/unhandled.ts users": "the process has one list of handlers for unhandled rejections",
  "runtime/unhandled.ts uninstall": "the process has one list of handlers for unhandled rejections",
  "stores/sqlite/driver.ts loaded": "a driver is loaded once, as every module is",
};

test("no state of the process but the registry, the ambient context and what is listed", () => {
  const found: string[] = [];
  for (const file of sourceFiles()) {
    if (/^(cli|testing)\//.test(file.path)) continue;
    for (const statement of file.tree.statements) {
      if (!ts.isVariableStatement(statement)) continue;
      const isConst = (statement.declarationList.flags & ts.NodeFlags.Const) !== 0;
      for (const { name, initializer } of statement.declarationList.declarations) {
        if (!isConst || isMutable(initializer, name.getText(file.tree), file))
          found.push(`${file.path} ${name.getText(file.tree)}`);
      }
    }
    walk(file.tree, (node) => {
      if (ts.isIdentifier(node) && node.text === "globalThis" && !sharers.includes(file.path))
        found.push(`${file.path} globalThis`);
    });
  }
  assert.deepEqual(found.sort(), Object.keys(sharedState).sort());
});

/** A collection, or a storage, that something of its module changes. */
function isMutable(initializer: ts.Expression | undefined, name: string, file: SourceFile): boolean {
  if (!initializer || !ts.isNewExpression(initializer)) return false;
  const kind = initializer.expression.getText(file.tree);
  if (kind === "AsyncLocalStorage") return true;
  if (!/^(Weak)?(Map|Set)$|^Array$/.test(kind)) return false;
  return new RegExp(`\\b${name}\\.(set|add|delete|clear|push)\\(`).test(file.text);
}
