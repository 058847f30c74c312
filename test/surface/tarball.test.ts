/** What is published, and what is not. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { version } from "../../packages/perdure/src/version.ts";
import { pack, packageFolder, repositoryFolder } from "./packed-package.ts";

let packed: ReturnType<typeof pack>;
beforeAll(() => {
  packed = pack();
});
afterAll(() => packed.remove());

const manifest = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as {
  version: string;
  dependencies: Record<string, string>;
  exports: Record<string, string | { types: string; default: string }>;
  bin: Record<string, string>;
};

test("the package has its licence, its README and its manifest", () => {
  for (const file of ["LICENSE", "README.md", "package.json"]) assert.ok(packed.files.includes(file), file);
  const licence = (folder: string): string => readFileSync(join(folder, "LICENSE"), "utf8");
  assert.equal(licence(packageFolder), licence(repositoryFolder));
});

test("nothing but compiled code and its types is in it", () => {
  const strange = packed.files.filter(
    (file) =>
      !["LICENSE", "README.md", "package.json"].includes(file) && !/^dist\/.+\.(js|d\.ts)$/.test(file),
  );
  assert.deepEqual(strange, []);
});

test("no test is in it, and no code whose source is gone", () => {
  const strange = packed.files
    .filter((file) => file.startsWith("dist/"))
    .filter((file) => {
      const source = file.replace(/^dist\//, "src/").replace(/(\.d\.ts|\.js)$/, ".ts");
      return /\.test\./.test(file) || !existsSync(join(packageFolder, source));
    });
  assert.deepEqual(strange, []);
});

test("every sub-path and program of the manifest leads to a file that is in it", () => {
  const targets = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === "string" ? [entry] : [entry.types, entry.default],
  );
  for (const target of [...targets, ...Object.values(manifest.bin)])
    assert.ok(packed.files.includes(target.replace(/^\.\//, "")), target);
});

test("the program begins with a line that says what runs it", () => {
  for (const target of Object.values(manifest.bin))
    assert.match(readFileSync(join(packageFolder, target), "utf8"), /^#!\/usr\/bin\/env node\n/);
});

test("the version in the code is the one in the manifest", () => assert.equal(version, manifest.version));

test("nothing is compiled or run when the package is installed", () => {
  const { scripts = {} } = manifest as { scripts?: Record<string, string> };
  for (const name of ["preinstall", "install", "postinstall", "prepare"]) assert.ok(!(name in scripts), name);
});
