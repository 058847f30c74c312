/**
 * Tells when one of some files is saved, however an editor saves: in place, or by putting another file in its place.
 *
 * Folders are watched, and files compared, because a replaced file is another file. A slow comparison of all runs besides: some
 * file systems (of containers, over networks) tell nothing.
 */
import { statSync, watch, type FSWatcher } from "node:fs";
import { dirname } from "node:path";

const settleMs = 40;
const compareMs = 1_000;

export class FileWatch {
  readonly #onChange: (files: string[]) => void;
  readonly #marks = new Map<string, string>();
  readonly #folders = new Map<string, FSWatcher>();
  readonly #timer: NodeJS.Timeout;
  #settling: NodeJS.Timeout | undefined;

  /** @param onChange gets the files that differ from what they were. */
  constructor(onChange: (files: string[]) => void) {
    this.#onChange = onChange;
    this.#timer = setInterval(() => this.#compare(), compareMs);
  }

  get count(): number {
    return this.#marks.size;
  }

  /** Watches these too. */
  add(files: readonly string[]): void {
    for (const file of files) {
      if (!this.#marks.has(file)) this.#marks.set(file, markOf(file));
      this.#watchFolder(dirname(file));
    }
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#settling);
    for (const watcher of this.#folders.values()) watcher.close();
  }

  #watchFolder(folder: string): void {
    if (this.#folders.has(folder)) return;
    try {
      const watcher = watch(folder, () => {
        clearTimeout(this.#settling);
        this.#settling = setTimeout(() => this.#compare(), settleMs);
      });
      watcher.on("error", () => watcher.close());
      this.#folders.set(folder, watcher);
    } catch {
      // The comparison finds it, later.
    }
  }

  #compare(): void {
    const changed: string[] = [];
    for (const [file, mark] of this.#marks) {
      const now = markOf(file);
      if (now === mark) continue;
      this.#marks.set(file, now);
      changed.push(file);
    }
    if (changed.length > 0) this.#onChange(changed);
  }
}

/** Differs when the content may. Files that are not there have a mark too: they may come. */
function markOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false, bigint: true });
  return found ? `${found.mtimeNs}:${found.size}:${found.ino}` : "none";
}
