import { expect, test } from "vitest";
import { createProject, orderFile } from "./project.ts";

const files = {
  "order.ts": orderFile,
  "syntax.ts":
    'import { workflow } from "perdure";\nexport const x = workflow("x", async () => {\n  const a = ;\n});\n',
  "throws.ts": "const n: number = 1;\n\nthrow new Error(`no DATABASE_URL ${n}`);\n",
  "indirect.ts": 'import "./syntax.ts";\n',
  "missing.ts": 'import "./nothing-here.ts";\n',
  "empty.ts": "export const nothing: string = '';\n",
  "bad.json": '{\n  "id": "o1",\n  total: 3\n}',
};

const cases: [what: string, args: string[], message: RegExp][] = [
  ["no command", [], /^MISSING_ARGUMENT: A command is missing/m],
  ["an unknown command", ["rnus"], /^UNKNOWN_COMMAND: .*'rnus'.*Did you mean.*run/m],
  ["an unknown command below runs", ["runs", "lst"], /^UNKNOWN_COMMAND: .*'lst'.*Did you mean list\?/m],
  ["an unknown option", ["runs", "list", "--statsu", "x"], /^UNKNOWN_OPTION: .*Did you mean --status\?/m],
  ["no file", ["run"], /^MISSING_ARGUMENT: .*'file'/m],
  ["an option without its value", ["runs", "list", "--workflow"], /^MISSING_ARGUMENT: .*--workflow/m],
  ["an unknown status", ["runs", "list", "--status", "done"], /^INVALID_OPTION: .*completed/m],
  ["a limit that is no number", ["runs", "list", "--limit", "ten"], /^INVALID_OPTION: .*whole number/m],
  ["an attribute without a value", ["runs", "list", "--attribute", "x"], /^INVALID_OPTION: .*name=value/m],
  ["a file that is not there", ["run", "nowhere.ts", "x"], /^FILE_NOT_FOUND: There is no file nowhere\.ts/m],
  ["a file without its ending", ["run", "order", "order"], /^FILE_NOT_FOUND: .*Did you mean order\.ts\?/m],
  ["a folder", ["worker", "."], /^FILE_NOT_FOUND: .*is a folder/m],
  [
    "a syntax error",
    ["run", "syntax.ts"],
    /^FILE_FAILED: syntax\.ts:3:13 Unexpected ";"[^]*3 \| {3}const a = ;/m,
  ],
  ["one in a file that it imports", ["worker", "indirect.ts"], /^FILE_FAILED: syntax\.ts:3:13 /m],
  ["a file that throws", ["run", "throws.ts"], /^FILE_FAILED: throws\.ts:3:7 no DATABASE_URL 1/m],
  [
    "a missing import",
    ["run", "missing.ts"],
    /^FILE_FAILED: missing\.ts .*no module "nothing-here\.ts", which missing\.ts imports/m,
  ],
  ["a file without workflows", ["worker", "empty.ts"], /^UNKNOWN_WORKFLOW: empty\.ts defines no workflow/m],
  ["an unknown workflow", ["run", "order.ts", "ordr"], /^UNKNOWN_WORKFLOW: .*Did you mean "order"\?/m],
  ["no workflow of several", ["run", "order.ts"], /^MISSING_ARGUMENT: .*order, refund/m],
  [
    "bad JSON",
    ["run", "order.ts", "order", "--input", '{"id":}'],
    /^INVALID_INPUT: .*unexpected "}" at position 7/m,
  ],
  [
    "JSON that ends early",
    ["run", "order.ts", "order", "--input", '{"id":'],
    /^INVALID_INPUT: .*unexpected the end/m,
  ],
  ["a bare word", ["run", "order.ts", "order", "--input", "ada"], /^INVALID_INPUT: .*--input '"ada"'/m],
  [
    "bad JSON in a file",
    ["run", "order.ts", "order", "--input", "@bad.json"],
    /^INVALID_INPUT: .*line 3, column 3/m,
  ],
  [
    "an input file that is not there",
    ["run", "order.ts", "order", "--input", "@no.json"],
    /^FILE_NOT_FOUND: .*no\.json/m,
  ],
  ["an unknown run", ["runs", "show", "nobody", "--store", "sqlite:./x.db"], /^RUN_NOT_FOUND: .*nobody/m],
  ["a run to retry that is unknown", ["runs", "retry", "nobody"], /^RUN_NOT_FOUND: .*nobody/m],
  [
    "a run to go on with that is unknown",
    ["run", "order.ts", "--continue", "nobody"],
    /^RUN_NOT_FOUND: .*nobody/m,
  ],
  ["two ids for one run", ["run", "order.ts", "order", "--id", "a", "--key", "b"], /^INVALID_OPTION: /m],
  ["an unknown store", ["runs", "list", "--store", "mongodb://x"], /^UNKNOWN_STORE: /m],
  ["a bad duration", ["worker", "order.ts", "--lease", "soon"], /^INVALID_DURATION: --lease/m],
  ["a bad cursor", ["runs", "list", "--cursor", "x", "--store", "sqlite:./here.db"], /^INVALID_CURSOR: /m],
];

test.concurrent.for(cases)(
  "%s is misuse: one clear message, no stack, exit code 2",
  async ([what, args, message], { expect, onTestFinished }) => {
    const project = createProject(files, { onTestFinished });
    if (what === "a bad cursor") {
      await project.run([
        "run",
        "order.ts",
        "order",
        "--input",
        '{"id":"o"}',
        "--no-wait",
        "--store",
        "sqlite:./here.db",
      ]);
    }
    const ended = await project.run(args);
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr).not.toMatch(/^ {4}at /m);
    expect(ended.stdout).toBe("");
    expect(ended.code).toBe(2);
  },
);

test("a store that cannot be opened is trouble: exit code 3", async () => {
  const project = createProject({ ...files, blocked: "a file where a folder should be" });
  const ended = await project.run([
    "run",
    "order.ts",
    "order",
    "--input",
    "null",
    "--store",
    "sqlite:./blocked/x.db",
  ]);
  expect(ended.stderr).toMatch(/^STORE_\w+: /m);
  expect(ended.code).toBe(3);
});

test("an error is a JSON document on standard error when JSON was asked for", async () => {
  const project = createProject(files);
  const ended = await project.run(["run", "order.ts", "nope", "--json"]);
  expect(JSON.parse(ended.stderr)).toMatchObject({ error: { code: "UNKNOWN_WORKFLOW" } });
});

test("--verbose shows where it happened", async () => {
  const project = createProject(files);
  const ended = await project.run(["run", "throws.ts", "--verbose"]);
  expect(ended.stderr).toMatch(/^ {4}at /m);
});
