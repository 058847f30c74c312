/**
 * The engine's sources and the programs of these suites as plain JavaScript, in a folder of their own.
 *
 * Child processes start in a quarter of the time that a loader would need, and a build that runs beside the tests cannot
 * change the code under their feet.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folders = ["packages/perdure/src", "test/crash"];

export interface Compiled {
  /** The path of a program of this folder, by its name without an ending. */
  program(name: string): string;
  remove(): Promise<void>;
}

export async function compile(): Promise<Compiled> {
  // Below the workspace's packages, so that drivers are found.
  const cache = join(root, "node_modules/.cache");
  await mkdir(cache, { recursive: true });
  const target = await mkdtemp(join(cache, "perdure-crash-"));
  await writeFile(join(target, "package.json"), '{ "type": "module" }\n');
  for (const folder of folders) {
    for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".ts") || entry.name.endsWith(".test.ts")) continue;
      const source = join(entry.parentPath, entry.name);
      const path = join(target, source.slice(root.length)).replace(/\.ts$/, ".js");
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, transpile(await readFile(source, "utf8")));
    }
  }
  return {
    program: (name) => join(target, "test/crash", `${name}.js`),
    remove: () => rm(target, { recursive: true, force: true }),
  };
}

function transpile(source: string): string {
  return ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  }).outputText;
}
