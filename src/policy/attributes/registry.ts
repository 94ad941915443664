import type { AttestorAttributes, Fact } from './fact.ts'
import { UNIX } from './unix.ts'

/**
 * Every attestor whose attributes rules may read. Schema, CEL, lint, index and the agent's
 * attestation use this list; a new attestor adds one file and one entry here.
 */
export const ATTESTORS: readonly AttestorAttributes[] = [UNIX]

const FACTS: ReadonlyMap<string, Fact> = new Map(
  ATTESTORS.flatMap(({ name, facts }) =>
    Object.entries(facts).map(([fact, described]) => [`workload.${name}.${fact}`, described] as const),
  ),
)

export function attestorNamed(name: string): AttestorAttributes | undefined {
  return ATTESTORS.find((attestor) => attestor.name === name)
}

/** What policy may assume about the attribute at a dotted path; undefined outside `workload.*`. */
export function factAt(path: string): Fact | undefined {
  return FACTS.get(path)
}

/**
 * Whether every process has the attribute at this path, so that its absence means that reading it
 * failed.
 */
export function isOfEveryProcess(path: string): boolean {
  return FACTS.get(path)?.ofEveryProcess ?? false
}

/** The dotted paths of the attributes for which `holds` is true. */
export function factsWhere(holds: (fact: Fact) => boolean): readonly string[] {
  return [...FACTS].filter(([, fact]) => holds(fact)).map(([path]) => path)
}
