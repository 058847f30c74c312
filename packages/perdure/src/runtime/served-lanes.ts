/** What a worker has code for: what it was given, or all that is defined, as it grows. */
import type { Lane } from "../model/run.ts";
import { registeredWorkflows, registryRevision, requireUniqueNames } from "../workflow/registry.ts";
import type { WorkflowSpec } from "../workflow/workflow-spec.ts";

export class ServedLanes {
  readonly #fixed: readonly WorkflowSpec[] | null;
  #revision = -1;
  #specs = new Map<string, WorkflowSpec>();
  #lanes: readonly Lane[] = [];

  /**
   * @param specs `null` for all that is defined in this process, now and later.
   * @throws PerdureError `DUPLICATE_NAME`.
   */
  constructor(specs: readonly WorkflowSpec[] | null) {
    this.#fixed = specs;
    requireUniqueNames(specs ?? registeredWorkflows());
  }

  get lanes(): readonly Lane[] {
    this.#refresh();
    return this.#lanes;
  }

  find(run: Lane): WorkflowSpec | undefined {
    this.#refresh();
    return this.#specs.get(`${run.workflow}@${run.version}`);
  }

  #refresh(): void {
    const revision = this.#fixed ? 0 : registryRevision();
    if (revision === this.#revision) return;
    this.#revision = revision;
    const specs = this.#fixed ?? registeredWorkflows();
    this.#specs = new Map(specs.map((spec) => [`${spec.name}@${spec.version}`, spec]));
    this.#lanes = specs.map(({ queue, name, version }) => ({ queue, workflow: name, version }));
  }
}
