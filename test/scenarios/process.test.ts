/** What a whole process does: when it ends, what reaches it, and what it leaves to its user. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const tsx = import.meta.resolve("tsx");

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  facts: Record<string, unknown>;
  errors: string;
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Runs a program to its end. `killOn` names the fact upon which it gets the signal. */
function runProgram(
  name: string,
  options: { args?: string[]; killOn?: string; signal?: NodeJS.Signals; env?: Record<string, string> } = {},
): Promise<Ended> {
  const folder = mkdtempSync(join(tmpdir(), "perdure-process-"));
  folders.push(folder);
  const program = pathToFileURL(join(root, "test/scenarios/programs", `${name}.ts`)).href;
  const child = spawn(
    process.execPath,
    ["--no-warnings", "--import", tsx, fileURLToPath(program), ...(options.args ?? [])],
    {
      cwd: folder,
      env: { PATH: process.env["PATH"], TSX_TSCONFIG_PATH: join(root, "tsconfig.json"), ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const facts: Record<string, unknown> = {};
  let errors = "";
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const [fact, value] = JSON.parse(line) as [string, unknown];
      facts[fact] = value;
      if (fact === options.killOn) child.kill(options.signal);
    }
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (errors += chunk));
  // A program that does not end by itself has failed; it must not outlive the test.
  const tooLong = setTimeout(() => child.kill("SIGKILL"), 20_000);
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      clearTimeout(tooLong);
      resolve({ code, signal, facts, errors });
    });
  });
}

async function endsWell(name: string, options: Parameters<typeof runProgram>[1] = {}): Promise<Ended> {
  const ended = await runProgram(name, options);
  assert.deepEqual([ended.code, ended.signal], [0, null], ended.errors);
  return ended;
}

test.concurrent("a program that leaves a sleeping run ends by itself", async () => {
  const { facts } = await endsWell("leaves-a-sleeping-run");
  assert.ok(facts["asleep"]);
});

test.concurrent("a program with a pending result() stays until it is there", async () => {
  const { facts } = await endsWell("waits-for-a-result");
  assert.equal(facts["result"], "slept");
});

test.concurrent("a program stays while a run is live in it, though nobody waits for its result", async () => {
  const { facts } = await endsWell("finishes-a-running-step");
  assert.ok("ran" in facts);
});

test.concurrent(
  "a module can export an engine that is never opened: no file, and nothing that keeps the process",
  async () => {
    const { facts } = await endsWell("never-opens");
    assert.equal(facts["file"], false);
  },
);

test.concurrent(
  "a worker installs no handlers of signals, exit or exceptions, and takes the one of rejections back",
  async () => {
    const { facts } = await endsWell("counts-listeners");
    assert.deepEqual(facts["during"], Array(9).fill(0));
    assert.deepEqual(facts["after"], Array(9).fill(0));
    assert.equal(facts["unhandled after the worker"], 0);
  },
);

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test.concurrent(`${signal} ends a process that works as it ends any`, async () => {
    const ended = await runProgram("works-until-killed", { killOn: "working", signal });
    assert.deepEqual([ended.code, ended.signal], [null, signal]);
  });
}

test.concurrent(
  "a rejection of workflow code that nobody handles fails its run, and neither others nor the process",
  async () => {
    const { facts } = await endsWell("leaves-rejections", { args: ["workflow"] });
    assert.equal(facts["bad"], "UNHANDLED_REJECTION");
    assert.match(String(facts["message"]), /lost/);
    assert.equal(facts["good"], "ended");
  },
);

test.concurrent(
  "a rejection that a step's function leaves behind is logged, and its attempt stands",
  async () => {
    const { facts, errors } = await endsWell("leaves-rejections", { args: ["step"] });
    assert.equal(facts["result"], "fine");
    assert.match(errors, /a promise that a step made was rejected.*leaves.*left behind/);
  },
);

for (const where of ["outside", "outside after the worker"]) {
  test.concurrent(
    `a rejection of the user's own code (${where}) ends the process as without us`,
    async () => {
      const { code, facts, errors } = await runProgram("leaves-rejections", { args: [where] });
      assert.equal(code, 1);
      assert.match(errors, /the user's own/);
      assert.ok(!("still there" in facts));
    },
  );
}

test.concurrent("a rejection of the user's own code reaches the user's handler", async () => {
  const { facts } = await endsWell("leaves-rejections", { args: ["handled outside"] });
  assert.equal(facts["handler"], "the user's own");
  assert.ok("still there" in facts);
});

test.concurrent(
  "peers 5.3/32: a worker that loses its lease drops its runs, comes back as another, and the process lives",
  async () => {
    const { facts, errors } = await endsWell("blocks-beyond-its-lease");
    assert.equal(facts["result"], 1);
    assert.equal(facts["calls"], 2);
    assert.equal(facts["another worker"], true);
    assert.match(errors, /a worker drops its runs/);
  },
);

test.concurrent(
  "start() without an engine makes ./.perdure/perdure.db, works in this process, and lets it end",
  async () => {
    const { facts } = await endsWell("uses-the-default-engine");
    assert.deepEqual([facts["result"], facts["file"]], ["hello ada", true]);
  },
);

test.concurrent("PERDURE_STORE names the store of the default engine", async () => {
  const { facts } = await endsWell("uses-the-default-engine", {
    env: { PERDURE_STORE: "sqlite:./other.db" },
  });
  assert.deepEqual([facts["result"], facts["file"]], ["hello ada", false]);
});
