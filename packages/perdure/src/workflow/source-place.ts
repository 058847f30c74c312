/** Where in the user's code something was called, read from a stack. */
import { fileURLToPath } from "node:url";

/** The folder of this package's own code: frames in it are not the user's. */
const ownFolder = new URL("../", import.meta.url);
const ownPrefixes = [ownFolder.href, safePath(ownFolder)];

/** `file:line:column` of the nearest frame that is not Perdure's or Node's; `unknown place` when there is none. */
export function callerPlace(stack = new Error().stack ?? ""): string {
  for (const line of stack.split("\n").slice(1)) {
    const place = /\(?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]+:\d+:\d+)\)?$/.exec(line.trim())?.[1];
    if (place && !isOwn(place)) return place.startsWith("file://") ? readable(place) : place;
  }
  return "unknown place";
}

/** The module of the nearest frame, without the query that a hot reload adds. */
export function callerModule(): string {
  return callerPlace()
    .replace(/:\d+:\d+$/, "")
    .replace(/\?.*$/, "");
}

function isOwn(place: string): boolean {
  // A test beside the code is the user there.
  return ownPrefixes.some((prefix) => place.startsWith(prefix)) && !/\.test\.[jt]s/.test(place);
}

/** A file URL as a path; the query that a hot reload adds is left out. */
function readable(place: string): string {
  const position = /:\d+:\d+$/.exec(place)?.[0] ?? "";
  return safePath(new URL(place.slice(0, place.length - position.length))) + position;
}

function safePath(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch {
    return url.href;
  }
}
