/** A user's project in a temporary folder, and the built command run in it as a user runs it. */
import { spawn, type ChildProcess } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const packageFolder = fileURLToPath(new URL("../../packages/perdure", import.meta.url));
export const command = join(packageFolder, "dist/cli/main.js");

export interface Ended {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  process: ChildProcess;
  stdout: () => string;
  stderr: () => string;
  /** Waits until the output so far, both streams together, fits. */
  until(pattern: RegExp, timeoutMs?: number): Promise<string>;
  ended: Promise<Ended>;
}

export interface Project {
  folder: string;
  write(name: string, content: string): void;
  start(args: readonly string[], options?: StartOptions): Running;
  run(args: readonly string[], options?: StartOptions): Promise<Ended>;
}

interface StartOptions {
  stdin?: string;
  env?: Record<string, string>;
}

export function createProject(
  files: Record<string, string>,
  options: {
    type?: "module" | "commonjs";
    /** Of the test's own context, when tests run side by side. */
    onTestFinished?: (clean: () => Promise<void>) => void;
  } = {},
): Project {
  if (!existsSync(command)) throw new Error("The command is not built. Run: npm run build");
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "perdure-cli-")));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(packageFolder, join(folder, "node_modules/perdure"), "dir");
  const write = (name: string, content: string): void => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  };
  write("package.json", JSON.stringify({ type: options.type ?? "module" }));
  for (const [name, content] of Object.entries(files)) write(name, content);
  const started = new Set<Running>();
  (options.onTestFinished ?? onTestFinished)(async () => {
    for (const running of started) running.process.kill("SIGKILL");
    await Promise.all([...started].map(({ ended }) => ended));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  const start = (args: readonly string[], startOptions: StartOptions = {}): Running => {
    const running = startCommand(folder, args, startOptions);
    started.add(running);
    return running;
  };
  return { folder, write, start, run: (args, startOptions) => start(args, startOptions).ended };
}

/** Of whoever runs the tests; they would change what the command does. */
const ownVariables = new Set(["NO_COLOR", "FORCE_COLOR", "NODE_OPTIONS", "PERDURE_STORE", "PERDURE_WORK"]);

function startCommand(folder: string, args: readonly string[], { stdin, env }: StartOptions): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !ownVariables.has(name));
  const child = spawn(process.execPath, [command, ...args], {
    cwd: folder,
    env: { ...Object.fromEntries(inherited), ...env },
  });
  const texts = { stdout: "", stderr: "", both: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
      texts.both += text;
      for (const listener of listeners) listener();
    });
  }
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin ?? "");
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code, signal) => {
      for (const listener of listeners) listener();
      resolve({ code, signal, stdout: texts.stdout, stderr: texts.stderr });
    });
  });
  const until = (pattern: RegExp, timeoutMs = 20_000): Promise<string> =>
    new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        listeners.delete(look);
        act();
      };
      const look = (): void => {
        if (pattern.test(texts.both)) settle(() => resolve(texts.both));
        else if (child.exitCode !== null) {
          settle(() => reject(new Error(`It ended before it wrote ${String(pattern)}:\n${texts.both}`)));
        }
      };
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`It did not write ${String(pattern)}:\n${texts.both}`)));
      }, timeoutMs);
      listeners.add(look);
      look();
    });
  return { process: child, stdout: () => texts.stdout, stderr: () => texts.stderr, until, ended };
}

/** Each line of JSON on its own. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Workflows that most tests can use. `work.log` has a line for each time a step's function ran. */
export const orderFile = `
import { appendFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { FatalError, sleep, step, workflow } from "perdure";

interface Order { id: string; total?: number }
const charge = step("charge", async (order: Order) => {
  appendFileSync("work.log", "charge\\n");
  return { paid: order.total ?? 10 };
});
const ship = step("ship", async (order: Order) => {
  console.log("shipping");
  appendFileSync("work.log", "ship\\n");
  return "parcel " + order.id;
});
export const order = workflow("order", async (input: Order) => {
  const { paid } = await charge(input);
  await sleep("50ms");
  return { paid, parcel: await ship(input) };
});

const check = step("check-card", async () => {
  throw new FatalError("card was \\u001b[31mstolen");
});
export const refund = workflow("refund", async () => { await check(); });

const flaky = step("flaky", { retry: { initialDelay: "50ms" } }, async () => {
  appendFileSync("work.log", "flaky\\n");
  const { readFileSync } = await import("node:fs");
  if (readFileSync("work.log", "utf8").split("flaky").length < 4) throw new Error("network is down");
  return "up";
});
export const retried = workflow("retried", async () => await flaky());

const slow = step("slow", async (n: number) => {
  appendFileSync("work.log", "slow " + n + "\\n");
  await wait(150);
  return n;
});
export const long = workflow("long", async (count: number) => {
  let sum = 0;
  for (let n = 1; n <= count; n++) sum += await slow(n);
  return sum;
});
export const asleep = workflow("asleep", async () => { await sleep("1h"); });
`;
