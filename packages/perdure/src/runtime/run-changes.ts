/** Tells, inside this process, that a run has changed: after the commit that changed it was accepted. */

export interface RunEnd {
  status: "completed" | "failed" | "cancelled";
  payload: string;
  successorId: string | null;
}

/** `end` is there when the run has ended, so that nobody need read it. */
export type OnChange = (end: RunEnd | null) => void;

export class RunChanges {
  readonly #listeners = new Map<string, Set<OnChange>>();

  /** Returns what ends the listening. */
  listen(runId: string, onChange: OnChange): () => void {
    const listeners = this.#listeners.get(runId) ?? new Set();
    listeners.add(onChange);
    this.#listeners.set(runId, listeners);
    return () => {
      if (listeners.delete(onChange) && listeners.size === 0) this.#listeners.delete(runId);
    };
  }

  emit(runId: string, end: RunEnd | null): void {
    for (const listener of [...(this.#listeners.get(runId) ?? [])]) listener(end);
  }
}
