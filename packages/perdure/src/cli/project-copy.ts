/**
 * Which copy of the package serves: the one that the project has installed, so that a command that was installed elsewhere (globally, by
 * npx) and the project's code never mix two versions in one process.
 */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ownRoot = realpathSync(fileURLToPath(new URL("../../", import.meta.url)));

/** The entry of the project's own command line; null when that is this one, or the project has none. */
export function findProjectCommand(args: readonly string[]): URL | null {
  const file = args.slice(1).find((arg) => isFile(resolve(arg)));
  const folder = file === undefined ? process.cwd() : dirname(realpathSync(resolve(file)));
  try {
    const manifest = createRequire(join(folder, "_")).resolve("perdure/package.json");
    const root = realpathSync(dirname(manifest));
    if (root === ownRoot) return null;
    const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as { bin?: { perdure?: string } };
    const entry = bin?.perdure === undefined ? null : join(root, bin.perdure);
    return entry !== null && existsSync(entry) ? pathToFileURL(entry) : null;
  } catch {
    return null; // The project has none, and its code will say so when it imports it.
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
