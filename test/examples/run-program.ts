import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Ended {
  code: number | null;
  /** Standard output, then standard error. */
  lines: string[];
}

/** Runs a TypeScript program of the repository as its readers do, and waits for its end. */
export async function runProgram(
  file: string,
  options: { args?: string[]; env?: NodeJS.ProcessEnv; killAfterLine?: RegExp } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, ["--import", "tsx", file, ...(options.args ?? [])], {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    if (options.killAfterLine?.test(output)) child.kill("SIGKILL");
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, lines: (output + errors).split("\n").filter((line) => line !== "") };
}
