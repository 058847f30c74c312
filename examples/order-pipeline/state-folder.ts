import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stateFolder } from "./settings.ts";

/** Begins with an empty folder, whatever an earlier demo left there: it may have been killed itself. */
export function emptyStateFolder(): void {
  const pidFile = join(stateFolder, "demo.pid");
  const earlier = existsSync(pidFile) ? Number(readFileSync(pidFile, "utf8")) : null;
  if (earlier !== null && isAlive(earlier)) {
    throw new Error(`Another demo is running in ${stateFolder} (pid ${earlier}). Wait for it, or stop it.`);
  }
  rmSync(stateFolder, { recursive: true, force: true, maxRetries: 5 });
  mkdirSync(stateFolder, { recursive: true });
  writeFileSync(pidFile, String(process.pid));
}

/** The folder stays, to be looked at. */
export function leaveStateFolder(): void {
  rmSync(join(stateFolder, "demo.pid"), { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
