/**
 * The definitions of a process, under a versioned global key: the CLI's copy of the package and the user's share it.
 * It is the only process-wide state.
 *
 * R1. A module may define a name and version again (hot reload): the newer definition holds.
 * R2. Two modules with one name are told when a worker starts, not at import: the order of imports is nobody's plan.
 */
import { PerdureError } from "../errors.ts";
import type { WorkflowSpec } from "./workflow-spec.ts";

const registryKey = Symbol.for("perdure.registry.v1");

interface Registry {
  /** Grows with each definition. */
  revision: number;
  /** By name, then version. */
  workflows: Map<string, Map<string, WorkflowSpec>>;
  duplicates: Map<string, [first: string, second: string]>;
}

function registry(): Registry {
  const holder = globalThis as { [registryKey]?: Registry };
  return (holder[registryKey] ??= { revision: 0, workflows: new Map(), duplicates: new Map() });
}

export function registerWorkflow(spec: WorkflowSpec): void {
  const { workflows, duplicates } = registry();
  registry().revision++;
  const versions = workflows.get(spec.name) ?? new Map<string, WorkflowSpec>();
  const earlier = versions.get(spec.version);
  if (earlier && earlier.module !== spec.module) {
    duplicates.set(`${spec.name}@${spec.version}`, [earlier.module, spec.module]);
  }
  // Last in the map is the newest: starts take it.
  versions.delete(spec.version);
  versions.set(spec.version, spec);
  workflows.set(spec.name, versions);
}

/** Another number than before: there are definitions that were not there then. */
export function registryRevision(): number {
  return registry().revision;
}

/** All definitions, every version. */
export function registeredWorkflows(): WorkflowSpec[] {
  return [...registry().workflows.values()].flatMap((versions) => [...versions.values()]);
}

/** The version that was defined last, or the named one. */
export function findWorkflow(name: string, version?: string): WorkflowSpec | undefined {
  const versions = registry().workflows.get(name);
  if (!versions) return undefined;
  return version === undefined ? [...versions.values()].at(-1) : versions.get(version);
}

/** @throws PerdureError `DUPLICATE_NAME`. */
export function requireUniqueNames(specs: readonly WorkflowSpec[]): void {
  const { duplicates } = registry();
  for (const spec of specs) {
    const modules = duplicates.get(`${spec.name}@${spec.version}`);
    if (modules) {
      throw new PerdureError(
        "DUPLICATE_NAME",
        `Workflow "${spec.name}" (version "${spec.version}") is defined in ${modules[0]} and in ${modules[1]}. ` +
          `Give one of them another name, or another version.`,
      );
    }
  }
}

/** Takes all definitions away. For tests. */
export function clearRegistry(): void {
  registry().workflows.clear();
  registry().duplicates.clear();
}
