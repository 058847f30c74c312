/** What `perdure dev` and the process that works for it tell each other. */

export interface DevBegin {
  type: "begin";
  file: string;
  store?: string;
  concurrency?: number;
  json: boolean;
  verbose: boolean;
}

export type ToDevWorker = DevBegin | { type: "stop"; drainMs: number };

export type FromDevWorker =
  /** Node and the package are loaded; nothing of the user's is. */
  | { type: "booted" }
  /** Loaded so far, whether or not it went well. */
  | { type: "loaded"; files: string[] }
  | { type: "ready"; worker: string; store: string; workflows: string[] }
  | { type: "refused"; code: string; text: string };
