/** A worker as the checkers follow it. */
export interface ModelWorker {
  process: string;
  registeredSentAt: number;
  leaseMs: number;
  leaseUntil: number;
  isDead: boolean;
}

/** Whether it may still act, by the store's clock. */
export function isLiveAt(worker: ModelWorker | undefined, storeAt: number): boolean {
  return worker !== undefined && !worker.isDead && worker.leaseUntil > storeAt;
}
