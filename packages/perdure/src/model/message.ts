/** What reaches a run from outside: its inbox. */

/** `terminate` ends the run at once. */
export type MessageKind = "terminate";

export interface NewMessage {
  runId: string;
  /** Unique within its run, for the run's life: a repeat is recognized by it. */
  id: string;
  kind: MessageKind;
  name: string;
  payload: string | null;
}

export interface StoredMessage extends Omit<NewMessage, "runId"> {
  /** Position in the run's inbox, from 1, without gaps. */
  seq: number;
  /** Store time of the delivery. */
  at: number;
}
