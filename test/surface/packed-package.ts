/**
 * The package as its users get it: packed, and installed into a project that has nothing else.
 *
 * P1. It is packed from `dist`, so a build has to come before.
 * P2. Its dependencies come from the registry, or npm's cache of it. Where neither can be had, whoever asks is told.
 */
import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repositoryFolder = fileURLToPath(new URL("../../", import.meta.url));
export const packageFolder = join(repositoryFolder, "packages/perdure");

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Packs into a folder of its own. `files` are paths within the package. */
export function pack(): { tarball: string; files: string[]; remove: () => void } {
  if (!existsSync(join(packageFolder, "dist/index.js")))
    throw new Error("There is nothing to pack: run npm run build first.");
  const folder = mkdtempSync(join(tmpdir(), "perdure-pack-"));
  const told = npm(["pack", "--json", "--pack-destination", folder, packageFolder], folder);
  const answer = JSON.parse(told) as PackAnswer[] | Record<string, PackAnswer>;
  const [packed] = Object.values(answer);
  return {
    tarball: join(folder, packed!.filename),
    files: packed!.files.map(({ path }) => path),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

interface PackAnswer {
  filename: string;
  files: { path: string }[];
}

/** A project outside of the repository. What it needs to be type-checked is lent by the repository. */
export class Consumer {
  readonly folder: string;

  constructor(tarball: string) {
    this.folder = mkdtempSync(join(tmpdir(), "perdure-consumer-"));
    this.write("package.json", JSON.stringify({ name: "consumer", private: true, type: "module" }));
    npm(["install", "--no-audit", "--no-fund", "--prefer-offline", tarball], this.folder);
    for (const lent of ["@types", "undici-types", "zod"]) {
      const from = join(repositoryFolder, "node_modules", lent);
      const to = join(this.folder, "node_modules", lent);
      if (existsSync(from) && !existsSync(to)) symlinkSync(from, to, "dir");
    }
  }

  write(path: string, text: string): void {
    mkdirSync(join(this.folder, path, ".."), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), "utf8");
  }

  /** What the compiler has to say about these files: nothing, or its complaints. */
  async typeCheck(files: readonly string[], moduleResolution: "nodenext" | "bundler"): Promise<string> {
    const project = `tsconfig.${moduleResolution}.json`;
    const compilerOptions = {
      target: "es2022",
      module: moduleResolution === "nodenext" ? "nodenext" : "esnext",
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: true,
      // The declarations of the package are checked too.
      skipLibCheck: false,
      types: ["node"],
      noEmit: true,
    };
    this.write(project, JSON.stringify({ compilerOptions, files }));
    const tsc = join(repositoryFolder, "node_modules/typescript/bin/tsc");
    const { stdout } = await this.run(process.execPath, [tsc, "--pretty", "false", "--project", project]);
    return stdout.trim();
  }

  run(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, { cwd: this.folder, env: { ...cleanEnvironment(), ...env } });
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      child.on("error", reject);
      child.on("close", (status) => resolve({ status, stdout, stderr }));
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** @throws Error with what npm said. */
export function npm(args: readonly string[], cwd: string): string {
  return execFileSync("npm", args, {
    cwd,
    encoding: "utf8",
    env: cleanEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1_048_576,
  });
}

/** Without what the test runner and npm's own scripts put there: a user has none of it. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(?!config_(registry|cache|userconfig))|VITEST|NODE_OPTIONS$|NODE_ENV$|INIT_CWD$)/i.test(name),
  );
  return { ...Object.fromEntries(kept), npm_config_update_notifier: "false", NO_COLOR: "1" };
}

/** The code blocks of a language in a page, with the line at which each begins. */
export function codeBlocks(markdownPath: string, language: string): { line: number; code: string }[] {
  const text = readFileSync(markdownPath, "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))].map((match) => ({
    line: text.slice(0, match.index).split("\n").length,
    code: match[1]!,
  }));
}
