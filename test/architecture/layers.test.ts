/** Who may know whom: the table of ARCHITECTURE.md, "Layers". */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import {
  listFiles,
  repositoryFolder,
  sourceFiles,
  type SourceFile,
  type SourceImport,
} from "./source-tree.ts";

type Layer =
  "errors" | "model" | "ports" | "workflow" | "replay" | "runtime" | "drivers" | "engine" | "entry" | "top";

/** From below to above. A layer knows only what stands below it, and itself. */
const order: readonly Layer[] = [
  "errors",
  "model",
  "ports",
  "workflow",
  "replay",
  "runtime",
  "drivers",
  "engine",
  "entry",
  "top",
];

const rootFiles: Record<string, Layer> = {
  "errors.ts": "errors",
  "version.ts": "errors",
  "broker.ts": "ports",
  "clock.ts": "ports",
  "entropy.ts": "ports",
  "logger.ts": "ports",
  "store.ts": "ports",
  "default-engine.ts": "engine",
  "engine.ts": "engine",
  "resolve-store.ts": "engine",
  "start.ts": "engine",
  "index.ts": "entry",
  "sqlite.ts": "entry",
  "testing.ts": "top",
};

const folders: Record<string, Layer> = {
  model: "model",
  workflow: "workflow",
  replay: "replay",
  runtime: "runtime",
  stores: "drivers",
  brokers: "drivers",
  cli: "top",
  server: "top",
  telemetry: "top",
  testing: "top",
};

const entryPoints = ["index.ts", "sqlite.ts", "testing.ts"];

/** The programs on top reach the engine through its doors; behind them they may know types alone. */
const doors = [
  ...entryPoints,
  "default-engine.ts",
  "engine.ts",
  "start.ts",
  // A program has to know what a user's module has defined, and the registry is made to be shared.
  "workflow/registry.ts",
];

function layerOf(path: string): Layer | undefined {
  const [first] = path.split("/");
  return path.includes("/") ? folders[first!] : rootFiles[path];
}

/** Imports of the package's own files, each with a line that says where. */
function ownImports(): { file: SourceFile; found: SourceImport; target: string; place: string }[] {
  return sourceFiles().flatMap((file) =>
    file.imports.flatMap((found) =>
      found.target === null
        ? []
        : [{ file, found, target: found.target, place: `${file.path}:${found.line} → ${found.target}` }],
    ),
  );
}

test("every file has a layer", () => {
  const homeless = sourceFiles().filter(({ path }) => layerOf(path) === undefined);
  assert.deepEqual(
    homeless.map(({ path }) => path),
    [],
    "say in test/architecture/layers.test.ts and in ARCHITECTURE.md where it stands",
  );
});

test("an import names a file that is there, with its ending", () => {
  const broken = ownImports().filter(
    ({ target }) => !existsSync(join(repositoryFolder, "packages/perdure/src", target)),
  );
  assert.deepEqual(
    broken.map(({ place }) => place),
    [],
  );
});

test("a layer imports only from below", () => {
  const wrong = ownImports().filter(
    ({ file, target }) => order.indexOf(layerOf(target)!) > order.indexOf(layerOf(file.path)!),
  );
  assert.deepEqual(
    wrong.map(({ place }) => place),
    [],
  );
});

test("stores and brokers know the model, their own port, errors and the clock, and nothing else", () => {
  const wrong = ownImports().filter(({ file, target }) => {
    const [kind, name] = file.path.split("/");
    if (kind !== "stores" && kind !== "brokers") return false;
    const ownFolder = file.path.split("/").length > 2 ? `${kind}/${name}/` : file.path;
    const port = kind === "stores" ? "store.ts" : "broker.ts";
    return !(
      [port, "errors.ts", "clock.ts"].includes(target) ||
      target.startsWith("model/") ||
      // What all stores begin a run with. It knows what they know, and none of them.
      target === "stores/new-record.ts" ||
      target.startsWith(ownFolder)
    );
  });
  assert.deepEqual(
    wrong.map(({ place }) => place),
    [],
  );
});

test("the model does no input and no output", () => {
  const wrong = sourceFiles().flatMap(({ path, imports }) =>
    path.startsWith("model/")
      ? imports
          .filter(({ specifier }) => !specifier.startsWith(".") && specifier !== "devalue")
          .map(({ specifier, line }) => `${path}:${line} → ${specifier}`)
      : [],
  );
  assert.deepEqual(wrong, []);
});

test("replay knows no Node built-in, no package, no port and no driver", () => {
  const wrong = sourceFiles().flatMap(({ path, imports }) =>
    path.startsWith("replay/")
      ? imports
          .filter(
            ({ target }) =>
              target === null || !["errors", "model", "workflow", "replay"].includes(layerOf(target)!),
          )
          .map(({ specifier, line }) => `${path}:${line} → ${specifier}`)
      : [],
  );
  assert.deepEqual(wrong, []);
});

test("client and worker do not know each other, not through others either", () => {
  for (const [from, to] of [
    ["runtime/client.ts", "runtime/worker.ts"],
    ["runtime/worker.ts", "runtime/client.ts"],
    ["runtime/run-handle.ts", "runtime/worker.ts"],
  ] as const) {
    const path = importPath(from, to);
    assert.equal(path, undefined, `${from} reaches ${to}: ${path?.join(" → ") ?? ""}`);
  }
});

test("the programs on top use the public doors", () => {
  const wrong = ownImports().filter(({ file, found, target }) => {
    if (!/^(cli|server|telemetry)\//.test(file.path) || found.isTypeOnly) return false;
    const ownFolder = `${file.path.split("/")[0]!}/`;
    const isData = ["errors", "model"].includes(layerOf(target)!);
    const isPort = layerOf(target) === "ports";
    return !(target.startsWith(ownFolder) || doors.includes(target) || isData || isPort);
  });
  assert.deepEqual(
    wrong.map(({ place }) => place),
    [],
  );
});

test("nothing that runs in production knows the testing kit", () => {
  const wrong = ownImports().filter(
    ({ file, target }) =>
      target.startsWith("testing") && !file.path.startsWith("testing/") && file.path !== "testing.ts",
  );
  assert.deepEqual(
    wrong.map(({ place }) => place),
    [],
  );
});

test("no import goes in a circle", () => {
  const circles = new Set<string>();
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      circles.add([...trail.slice(at), path].join(" → "));
      return;
    }
    if (done.has(path)) return;
    for (const target of loadedBy(path)) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const { path } of sourceFiles()) visit(path, []);
  assert.deepEqual([...circles], []);
});

test("only entry points re-export", () => {
  const wrong = sourceFiles().flatMap(({ path, reExportLines }) =>
    entryPoints.includes(path) ? [] : reExportLines.map((line) => `${path}:${line}`),
  );
  assert.deepEqual(wrong, []);
});

test("every file is reached from an entry point, a program, or a test that it was made for", () => {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    const file = sourceFiles().find((one) => one.path === path);
    for (const { target } of file?.imports ?? []) if (target !== null) visit(target);
  };
  const begins = [...entryPoints, "cli/main.ts", "testing/simulation/main.ts"];
  for (const entry of [...begins, ...programs(), ...usedByTests()]) visit(entry);
  const forgotten = sourceFiles().filter(({ path }) => !reached.has(path));
  assert.deepEqual(
    forgotten.map(({ path }) => path),
    [],
  );
});

/** Files that another process is started with: somebody names them. */
function programs(): string[] {
  return sourceFiles()
    .map(({ path }) => path)
    .filter((path) => {
      const name = path.split("/").at(-1)!.replace(/\.ts$/, "");
      return sourceFiles().some((other) =>
        new RegExp(`["'\`/]${name}\\.(ts|js)["'\`]`).test(codeOf(other, path)),
      );
    });
}

/** The text of a file without its imports; nothing when it is the file itself. */
function codeOf(file: SourceFile, path: string): string {
  return file.path === path ? "" : file.text.replaceAll(/^(import|export) [^;]*;/gm, "");
}

/** The testing kit has parts that only the tests of this repository use. */
function usedByTests(): string[] {
  const folders = ["test", "bench"].map((name) => join(repositoryFolder, name));
  const texts = folders.flatMap((folder) =>
    listFiles(folder)
      .filter((path) => /\.(ts|mjs)$/.test(path))
      .map((path) => readFileSync(join(folder, path), "utf8")),
  );
  return sourceFiles()
    .map(({ path }) => path)
    .filter((path) => path.startsWith("testing/"))
    .filter((path) => texts.some((text) => text.includes(`/src/${path}"`)));
}

/** What a module pulls in when it is loaded. */
function loadedBy(path: string): string[] {
  const file = sourceFiles().find((one) => one.path === path);
  return (file?.imports ?? [])
    .filter(({ isTypeOnly, isDynamic, target }) => !isTypeOnly && !isDynamic && target !== null)
    .map(({ target }) => target!);
}

/** The shortest way by which loading one module loads another. */
function importPath(from: string, to: string): string[] | undefined {
  const trails: string[][] = [[from]];
  const seen = new Set([from]);
  for (const trail of trails) {
    for (const target of loadedBy(trail.at(-1)!)) {
      if (target === to) return [...trail, target];
      if (seen.has(target)) continue;
      seen.add(target);
      trails.push([...trail, target]);
    }
  }
  return undefined;
}
