/** One concept a file, found by its name. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { listFiles, repositoryFolder, sourceFiles } from "./source-tree.ts";

const mostLines = 400;

/** Longer than they should be, each with its length: it may shrink, and must not grow. Empty is the aim. */
const tooLong: Record<string, number> = {
  "testing/simulation/invariants/ownership.ts": 420,
};

const emptyNames =
  /^(utils?|helpers?|common|misc|base|manager|types?|interfaces?|constants?|libs?|shared|core|stuff)$/;

const ownFolders = ["packages/perdure/src", "test", "examples", "bench"];

function ownFiles(): string[] {
  return ownFolders.flatMap((folder) =>
    listFiles(join(repositoryFolder, folder)).map((path) => `${folder}/${path}`),
  );
}

test("no file or folder is named after nothing", () => {
  const wrong = ownFiles().filter((path) =>
    path
      .split("/")
      .slice(2)
      .some((part) => emptyNames.test(part.split(".")[0]!)),
  );
  assert.deepEqual(wrong, []);
});

test("files are named in kebab-case", () => {
  const wrong = ownFiles().filter(
    (path) =>
      /\.(ts|mjs)$/.test(path) &&
      !/^(\d+-)?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z-]+)+$/.test(path.split("/").at(-1)!),
  );
  assert.deepEqual(wrong, []);
});

test(`no source is longer than ${mostLines} lines`, () => {
  const lengths = new Map(sourceFiles().map(({ path, text }) => [path, text.split("\n").length - 1]));
  const wrong = [...lengths]
    .filter(([path, lines]) => lines > (tooLong[path] ?? mostLines))
    .map(([path, lines]) => `${path}: ${lines} lines`);
  assert.deepEqual(wrong, [], "look for the second concept inside");
  const mended = Object.keys(tooLong).filter((path) => (lengths.get(path) ?? 0) <= mostLines);
  assert.deepEqual(mended, [], "take these off the list");
});

test("the engine's own files say first what they are and what must hold", () => {
  const wrong = sourceFiles()
    .filter(({ path }) =>
      /^(replay|runtime|stores|brokers)\/|^(store|broker|clock|entropy|logger)\.ts$/.test(path),
    )
    .filter(({ text }) => !/^(import [^;]*;\s*)*\/\*\*/.test(text))
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test("no test is skipped or singled out by hand", () => {
  const wrong = ownFiles()
    .filter((path) => path.endsWith(".test.ts") && !path.startsWith("test/architecture/"))
    .filter((path) =>
      /\b(test|it|describe)\.(only|todo)\b/.test(readFileSync(join(repositoryFolder, path), "utf8")),
    );
  assert.deepEqual(wrong, []);
});
