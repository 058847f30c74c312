/** The packed package in a project of its own: imported, type-checked and run. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { fetchNode, otherReleases } from "../other-nodes.mjs";
import { codeBlocks, Consumer, pack, repositoryFolder } from "./packed-package.ts";

let packed: ReturnType<typeof pack>;
let consumer: Consumer;

beforeAll(() => {
  packed = pack();
  consumer = new Consumer(packed.tarball);
  consumer.write("every-sub-path.ts", everySubPath);
  consumer.write("readme-example.ts", readmeExample());
}, 120_000);
afterAll(() => {
  consumer.remove();
  packed.remove();
});

const everySubPath = `
import assert from "node:assert/strict";
import { createEngine, createMemoryStore, errorCodes, PerdureError, step, workflow, type Store } from "perdure";
import { createSqliteStore, type SqliteStoreOptions } from "perdure/sqlite";
import { omittedStoreCases, storeSuite, type StoreCase, type StoreSubject } from "perdure/testing";

const options: SqliteStoreOptions = { path: "./every-sub-path.db" };
const store: Store = createSqliteStore(options);
const double = step("double", async (value: number) => value * 2);
const twice = workflow("twice", async (value: number): Promise<number> => double(await double(value)));
for (const chosen of [store, createMemoryStore(), "memory:"]) {
  const engine = createEngine({ store: chosen });
  await engine.work();
  const run = await engine.start(twice, 3);
  const result: number = await run.result();
  assert.equal(result, 12);
  await engine.close();
}
const subject: StoreSubject = { name: "memory", open: async () => createMemoryStore(), advance: () => undefined };
const cases: StoreCase[] = storeSuite(subject);
assert.ok(cases.length > 100 && omittedStoreCases(subject).length > 0);
await cases[0]!.run();
assert.ok(errorCodes.includes(new PerdureError("ALREADY_CLOSED", "").code));
console.log("every sub-path works");
`;

function readmeExample(): string {
  const [first] = codeBlocks(join(repositoryFolder, "README.md"), "ts");
  return first!.code;
}

function pagesWithCode(): string[] {
  const errors = readdirSync(join(repositoryFolder, "docs/errors")).map((name) => `docs/errors/${name}`);
  return ["README.md", "packages/perdure/README.md", ...errors];
}

test("every sub-path is type-checked with moduleResolution bundler", async () => {
  assert.equal(await consumer.typeCheck(["every-sub-path.ts", "readme-example.ts"], "bundler"), "");
});

test("every sub-path, and every example of the documentation, is type-checked with nodenext", async () => {
  const examples = pagesWithCode().flatMap((page) =>
    codeBlocks(join(repositoryFolder, page), "ts").map(({ code, line }) => {
      const file = `docs/${page.replaceAll("/", "-").replace(/\.md$/, "")}-line-${line}.ts`;
      consumer.write(file, code);
      return file;
    }),
  );
  assert.ok(examples.length > 30, `${examples.length} examples were found`);
  assert.equal(await consumer.typeCheck(["every-sub-path.ts", ...examples], "nodenext"), "");
});

test("the example of the README has about 20 lines, runs, and runs again without charging twice", async () => {
  assert.ok(readmeExample().trim().split("\n").length <= 24);
  const first = await consumer.run(process.execPath, ["--import", "tsx", "readme-example.ts"]);
  assert.equal(first.stderr, "");
  assert.deepEqual(first.stdout.trim().split("\n"), [
    "charging 1250 cents for o1",
    "sending receipt-o1 to ada@example.com",
    "receipt-o1",
  ]);
  const again = await consumer.run(process.execPath, ["--import", "tsx", "readme-example.ts"]);
  assert.deepEqual([again.stdout.trim(), again.stderr, again.status], ["receipt-o1", "", 0]);
});

test("the command is installed, and says what it can do", async () => {
  const help = await consumer.run("npx", ["perdure", "--help"]);
  assert.match(help.stdout, /^Usage: perdure /);
  assert.equal(help.status, 0);
});

test("the command runs a workflow of a TypeScript file", async () => {
  consumer.write(
    "hello.ts",
    `import { step, workflow } from "perdure";
     const greet = step("greet", async (name: string) => \`Hello, \${name}!\`);
     export const hello = workflow("hello", async (name: string) => greet(name));`,
  );
  const args = ["perdure", "run", "hello.ts", "hello", "--input", '"Ada"', "--json"];
  const { stdout, stderr, status } = await consumer.run("npx", [...args, "--store", "sqlite:./hello.db"]);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /Hello, Ada!/);
});

const here = Number(process.versions.node.split(".")[0]);
const releases = [
  { release: here, path: process.execPath },
  ...otherReleases.map((release) => ({ release, ...fetchNode(release) })),
];

for (const node of releases) {
  const missing = "missing" in node ? ` (${node.missing})` : "";
  describe.skipIf(missing !== "")(`Node ${node.release}${missing}`, () => {
    const path = "path" in node ? node.path : "";

    test("is the release that it should be", async () => {
      const { stdout } = await consumer.run(path, ["--version"]);
      assert.match(stdout, new RegExp(`^v${node.release}\\.`));
    });

    test("every sub-path works, with nothing on standard error", async () => {
      const { stdout, stderr } = await consumer.run(path, ["--import", "tsx", "every-sub-path.ts"]);
      assert.deepEqual([stdout.trim(), stderr], ["every sub-path works", ""]);
    });

    test("the command says its version", async () => {
      const { stdout, stderr, status } = await consumer.run(path, [
        "node_modules/perdure/dist/cli/main.js",
        "--version",
      ]);
      assert.deepEqual([stdout.trim(), stderr, status], ["0.1.0", "", 0]);
    });
  });
}
