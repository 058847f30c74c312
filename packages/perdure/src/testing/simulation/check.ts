/** All checkers over one recording. */
import { checkClients } from "./invariants/clients.ts";
import { checkEffects } from "./invariants/effects.ts";
import { checkHistories } from "./invariants/history.ts";
import { OwnershipModel } from "./invariants/ownership.ts";
import { checkResults } from "./invariants/results.ts";
import { Verdict } from "./invariants/verdict.ts";
import type { Recording } from "./recording.ts";

export function checkRecording(recording: Recording): Verdict {
  const verdict = new Verdict();
  const model = new OwnershipModel(recording, verdict);
  checkHistories(recording, model, verdict);
  checkEffects(recording, model, verdict);
  checkClients(recording, model, verdict);
  checkResults(recording, model, verdict);
  return verdict;
}
