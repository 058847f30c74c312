/** The closed list of error codes, their pages, and the code that raises them. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import ts from "typescript";
import { errorCodes } from "../../packages/perdure/src/errors.ts";
import { repositoryFolder, sourceFiles, walk } from "./source-tree.ts";

const pagesFolder = join(repositoryFolder, "docs/errors");

function page(code: string): string {
  return readFileSync(join(pagesFolder, `${code}.md`), "utf8");
}

test("every code has a page, and every page a code", () => {
  const pages = readdirSync(pagesFolder)
    .filter((name) => name.endsWith(".md") && name !== "README.md")
    .map((name) => name.slice(0, -3));
  assert.deepEqual(pages.sort(), [...errorCodes].sort());
});

test("every page says what it means, what was found, what to do, and shows it", () => {
  for (const code of errorCodes) {
    const text = page(code);
    assert.ok(text.startsWith(`# ${code}\n`), `${code}: the title`);
    for (const heading of ["## What it means", "## What was found", "## What to do", "## Example"]) {
      assert.ok(text.includes(`\n${heading}\n`), `${code}: ${heading}`);
    }
    assert.ok(/```[a-z]+\n/.test(text), `${code}: an example in a code block`);
  }
});

test("the index has every code, in order, with a sentence", () => {
  const index = readFileSync(join(pagesFolder, "README.md"), "utf8");
  const listed = [...index.matchAll(/^\| \[`([A-Z_]+)`\]\(([A-Z_]+)\.md\) +\| (.+?) *\|$/gm)];
  assert.deepEqual(
    listed.map(([, code]) => code),
    [...errorCodes],
  );
  for (const [, code, link, sentence] of listed) {
    assert.equal(link, code);
    assert.ok(sentence!.length > 20, `${code!}: what it means`);
  }
});

test("the list is in order and names no code twice", () => {
  assert.deepEqual([...errorCodes], [...new Set(errorCodes)]);
  assert.deepEqual([...errorCodes], [...errorCodes].sort());
});

test("every code is raised somewhere", () => {
  const raised = new Set<string>();
  for (const { path, tree } of sourceFiles()) {
    if (path === "errors.ts" || path.startsWith("testing/")) continue;
    walk(tree, (node) => {
      if (ts.isStringLiteral(node)) raised.add(node.text);
    });
  }
  assert.deepEqual(
    errorCodes.filter((code) => !raised.has(code)),
    [],
  );
});
