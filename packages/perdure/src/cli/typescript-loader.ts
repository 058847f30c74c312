/**
 * Has this process load TypeScript, through tsx: files with `import` and files with `require`, on every Node that we support.
 *
 * L1. A user's CommonJS file gets this very copy of the package. tsx would otherwise make a second one out of the same files,
 *     whose errors and context are not those of the engine.
 */
import { createRequire, Module } from "node:module";
import { fileURLToPath } from "node:url";

let registered: Promise<void> | null = null;
const imported = new Set<string>();
const require = createRequire(import.meta.url);

export function registerTypeScript(): Promise<void> {
  registered ??= register();
  return registered;
}

/** Files, outside of `node_modules`, that were loaded after {@link registerTypeScript}, and those whose loading failed. */
export function loadedFiles(): string[] {
  return [...new Set([...imported, ...Object.keys(require.cache)])].filter(isUserFile);
}

async function register(): Promise<void> {
  const [commonJs, modules] = await Promise.all([import("tsx/cjs/api"), import("tsx/esm/api")]);
  commonJs.register();
  modules.register({ onImport: (url) => url.startsWith("file:") && imported.add(fileURLToPath(url)) });
  await shareOwnModule("../index.js", () => import("../index.ts"));
  await shareOwnModule("../sqlite.js", () => import("../sqlite.ts"));
}

async function shareOwnModule(path: string, load: () => Promise<object>): Promise<void> {
  const fileName = fileURLToPath(new URL(path, import.meta.url));
  const module = new Module(fileName);
  module.filename = fileName;
  module.loaded = true;
  module.exports = await load();
  require.cache[fileName] = module;
}

const ownFolder = fileURLToPath(new URL("../", import.meta.url));

function isUserFile(path: string): boolean {
  return !/[\\/]node_modules[\\/]/.test(path) && !path.startsWith(ownFolder) && !path.includes("?");
}
