/** Pages of a list, and the opaque cursors between them. */
import { PerdureError } from "../errors.ts";

/** One page of a list; its `cursor` leads to the next, and is null on the last. */
export interface Page<T> {
  items: T[];
  /** Hand it back for the next page; null on the last one. */
  cursor: string | null;
}

/** A place in a list that is ordered by creation, newest first. */
export interface Position {
  createdAt: number;
  id: string;
}

export function encodeCursor(position: Position): string {
  return Buffer.from(JSON.stringify([position.createdAt, position.id])).toString("base64url");
}

/** @throws PerdureError `INVALID_CURSOR` for anything that {@link encodeCursor} did not make. */
export function decodeCursor(cursor: string): Position {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (Array.isArray(parts) && parts.length === 2) {
      const [createdAt, id] = parts as [unknown, unknown];
      if (Number.isSafeInteger(createdAt) && typeof id === "string")
        return { createdAt: createdAt as number, id };
    }
  } catch {
    // said below
  }
  throw new PerdureError(
    "INVALID_CURSOR",
    `The cursor ${JSON.stringify(cursor).slice(0, 80)} is not one that a list gave out.`,
  );
}
