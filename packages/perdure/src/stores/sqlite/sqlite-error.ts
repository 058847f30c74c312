/** What SQLite reports, as what the port promises (S5). Both drivers put the extended result code into `errcode`. */
import { PerdureError, type ErrorCode } from "../../errors.ts";

/** Primary result codes: the low byte of an extended one. https://sqlite.org/rescode.html */
const codes = {
  perm: 3,
  busy: 5,
  locked: 6,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  protocol: 15,
  toobig: 18,
  constraint: 19,
  mismatch: 20,
  auth: 23,
  range: 25,
  notadb: 26,
} as const;

/** What `fs` says where SQLite would say CANTOPEN or FULL. */
const fileCodes: Record<string, ErrorCode> = {
  EACCES: "STORE_NOT_WRITABLE",
  EEXIST: "STORE_NOT_WRITABLE",
  EISDIR: "STORE_NOT_WRITABLE",
  ENOENT: "STORE_NOT_WRITABLE",
  ENOTDIR: "STORE_NOT_WRITABLE",
  EPERM: "STORE_NOT_WRITABLE",
  EROFS: "STORE_NOT_WRITABLE",
  EDQUOT: "STORE_FULL",
  ENOSPC: "STORE_FULL",
};

function primaryCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null | undefined)?.errcode;
  return typeof code === "number" ? code & 0xff : undefined;
}

/** Another connection has the lock that this one asked for. SQLITE_PROTOCOL is a race for the log's index, over in a moment. */
export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === codes.busy || code === codes.locked || code === codes.protocol;
}

/** The fault is in what was to be written, not in the store: the other writes of the batch may be fine. */
export function isRefusedValue(error: unknown): boolean {
  const code = primaryCode(error);
  if (code === undefined) return error instanceof TypeError || error instanceof RangeError;
  return (
    code === codes.toobig || code === codes.constraint || code === codes.mismatch || code === codes.range
  );
}

/** Any error as one of the port's; `path` is for the message. */
export function storeErrorFrom(error: unknown, path: string): PerdureError {
  if (error instanceof PerdureError) return error;
  const found = error instanceof Error ? error.message : String(error);
  const code = storeCode(error);
  return new PerdureError(
    code,
    `The SQLite store ${path} ${advice[code] ?? advice["STORE_UNAVAILABLE"]!} (${found})`,
    {
      cause: error,
    },
  );
}

function storeCode(error: unknown): ErrorCode {
  switch (primaryCode(error)) {
    case codes.busy:
    case codes.locked:
    case codes.protocol:
      return "STORE_LOCKED";
    case codes.full:
      return "STORE_FULL";
    case codes.perm:
    case codes.readonly:
    case codes.cantopen:
    case codes.auth:
      return "STORE_NOT_WRITABLE";
    case codes.corrupt:
    case codes.notadb:
      return "STORE_CORRUPT";
    default: {
      const fileCode = (error as NodeJS.ErrnoException | null | undefined)?.code;
      return (typeof fileCode === "string" ? fileCodes[fileCode] : undefined) ?? "STORE_UNAVAILABLE";
    }
  }
}

const advice: Partial<Record<ErrorCode, string>> = {
  STORE_LOCKED:
    "is locked by another connection. See which program keeps a transaction open on it, or raise lockTimeout.",
  STORE_FULL:
    "could not be written: there is no space left. Nothing of this call was written. Free space on its disk.",
  STORE_NOT_WRITABLE:
    "could not be opened for writing. Check that its folder exists, that this user may write the file and its folder, and " +
    "that the file was not moved meanwhile.",
  STORE_CORRUPT:
    "is damaged, or no database. Stop all processes that use it, keep a copy, and restore a backup (or try `.recover` of " +
    "the sqlite3 shell).",
  STORE_UNAVAILABLE: "could not do what was asked, and may be able to in a moment.",
};
