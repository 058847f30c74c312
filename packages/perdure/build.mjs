/** Compiles `src` into `dist`, and takes away what has no source any more: it would be published. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("src", import.meta.url));
const output = fileURLToPath(new URL("dist", import.meta.url));

const entries = existsSync(output) ? readdirSync(output, { recursive: true, withFileTypes: true }) : [];
for (const entry of entries) {
  const path = join(entry.parentPath, entry.name);
  if (!entry.isFile() || entry.name === ".tsbuildinfo") continue;
  const [, stem] = /^(.*?)\.(?:js|d\.ts)$/.exec(relative(output, path)) ?? [];
  if (stem === undefined || !existsSync(join(source, `${stem}.ts`))) rmSync(path);
}

const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const project = fileURLToPath(new URL("tsconfig.build.json", import.meta.url));
const { status } = spawnSync(process.execPath, [tsc, "--project", project], { stdio: "inherit" });
process.exit(status ?? 1);
