export const otherReleases: readonly number[];

/** The path of a Node of this release; or why there is none. */
export function fetchNode(release: number): { path: string } | { missing: string };
