/**
 * Hearing of other processes' commits.
 *
 * A1. A commit is appended to the write-ahead log, so the log's file is watched, and `PRAGMA data_version` says whether it was
 *     another connection that committed. Own commits stay silent.
 * A2. The file changes before the commit counts: between the two lies the disk's flush. So one change is followed by several looks
 *     at growing distances.
 * A3. Nothing here keeps a process alive, and nothing here is needed: who hears nothing polls.
 */
import { watch, type FSWatcher } from "node:fs";

/** The first look, and the last of those that follow one change of the file. */
const firstLookMs = 2;
const lastLookMs = 128;
/** Where files cannot be watched. Twenty looks a second cost a tenth of a millisecond. */
const fallbackLookMs = 50;

export interface ChangeWatchOptions {
  /** The write-ahead log. */
  file: string;
  /** A number that changes when another connection has committed; undefined once the store was closed. */
  readVersion: () => number | undefined;
  onChange: () => void;
}

/** Returns what ends it. */
export function watchChanges({ file, readVersion, onChange }: ChangeWatchOptions): () => void {
  let version = readVersion();
  let watcher: FSWatcher | undefined;
  let timer: NodeJS.Timeout | undefined;
  let lookMs = firstLookMs;
  let hasEnded = false;

  const end = (): void => {
    hasEnded = true;
    clearTimeout(timer);
    watcher?.close();
  };
  const schedule = (): void => {
    timer = setTimeout(look, watcher ? lookMs : fallbackLookMs).unref();
  };
  /** A file that cannot be read just now tells nothing: whoever calls the store next is told what is wrong with it. */
  const tryReadVersion = (): number | undefined => {
    try {
      return readVersion();
    } catch {
      return version;
    }
  };
  const look = (): void => {
    timer = undefined;
    const found = tryReadVersion();
    if (found === undefined) {
      end();
      return;
    }
    const hasChanged = found !== version;
    version = found;
    lookMs *= 2;
    if (!watcher || lookMs <= lastLookMs) schedule();
    if (hasChanged) onChange();
  };
  const onFileChange = (): void => {
    // A look that is due soon enough serves this change too.
    const isSoon = timer !== undefined && lookMs === firstLookMs;
    lookMs = firstLookMs;
    if (isSoon) return;
    clearTimeout(timer);
    schedule();
  };
  const fallBack = (): void => {
    watcher?.close();
    watcher = undefined;
    clearTimeout(timer);
    if (!hasEnded) schedule();
  };

  try {
    watcher = watch(file, { persistent: false }, (event) => {
      // Another process has removed the log, as the last one to close it does: this watch sees no more.
      if (event === "rename") fallBack();
      else onFileChange();
    });
    watcher.on("error", fallBack);
  } catch {
    fallBack();
  }
  return end;
}
