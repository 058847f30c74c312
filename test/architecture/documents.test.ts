/** What the documents say about files and tests has to be there. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "vitest";
import { repositoryFolder } from "./source-tree.ts";

const documents = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "SECURITY.md",
  "packages/perdure/README.md",
];

const roots = ["packages/", "test/", "docs/", "examples/", "bench/", ".ci/"];

/** Short forms of paths below `src`, as a page that speaks of the code writes them. */
const sourceFolders = /^(model|workflow|replay|runtime|stores|brokers|cli|testing)\//;

const text = (document: string): string => readFileSync(join(repositoryFolder, document), "utf8");

test("every file that a document names is there", () => {
  const missing = documents.flatMap((document) =>
    [...text(document).matchAll(/`([\w.-]+(?:\/[\w.-]+)*\/?)`/g)]
      .map(([, path]) => path!)
      .filter((path) => roots.some((root) => path.startsWith(root)) || sourceFolders.test(path))
      .filter((path) => !isThere(path))
      .map((path) => `${document}: ${path}`),
  );
  assert.deepEqual(missing, []);
});

test("every link of a document leads somewhere", () => {
  const broken = documents.flatMap((document) =>
    [...text(document).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(join(repositoryFolder, dirname(document), target)))
      .map((target) => `${document}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

test("every link within a document leads to a heading", () => {
  const broken = documents.flatMap((document) => {
    const anchors = new Set(
      [...text(document).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
        heading!
          .toLowerCase()
          .replaceAll(/[^\w\s-]/g, "")
          .replaceAll(" ", "-"),
      ),
    );
    return [...text(document).matchAll(/\]\(#([^)]+)\)/g)]
      .map(([, anchor]) => anchor!)
      .filter((anchor) => !anchors.has(anchor))
      .map((anchor) => `${document}: #${anchor}`);
  });
  assert.deepEqual(broken, []);
});

test("every test that ARCHITECTURE.md quotes is in the file that it names", () => {
  const page = text("ARCHITECTURE.md").replaceAll(/\s*\n\s*/g, " ");
  const wrong: string[] = [];
  let quoteCount = 0;
  for (const [, path, quotes] of page.matchAll(/`([\w./-]+\.ts)`((?: "[^"]+",?)+)/g)) {
    for (const [, quote] of quotes!.matchAll(/"([^"]+)"/g)) {
      quoteCount++;
      if (!existsSync(join(repositoryFolder, path!)) || !text(path!).includes(quote!))
        wrong.push(`${path!}: ${quote!}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(quoteCount > 30, `${quoteCount} quotes were found`);
});

function isThere(path: string): boolean {
  return [path, `packages/perdure/src/${path}`].some((one) => existsSync(join(repositoryFolder, one)));
}
