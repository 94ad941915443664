import type { ParsedResource, ResourceKind, SpecOf } from '../../../config/resources.ts'
import type { CompiledIdentity } from '../../../policy/compile.ts'
import type { PolicyProblem } from '../../../policy/problem.ts'
import type { AuditLog } from '../../audit/audit-log.ts'
import type { Actor } from '../../audit/events.ts'
import type { Transaction } from '../../datastore/ports.ts'
import type { StoredResource } from '../../datastore/resource-repository.ts'
import type { JoinTokens } from '../../join/join-tokens.ts'
import type { CatalogueIndex } from '../catalogue-index.ts'
import type { Compile } from '../identity-entry.ts'

/** What is special about one kind of resource. */
export interface ResourceKindDefinition<K extends ResourceKind = ResourceKind> {
  /** The spec as a person writes it. Default: as it is stored. */
  readonly asWritten?: (spec: SpecOf<K>) => object
  /** Reports what `policy/` finds wrong with the spec. */
  readonly check?: (resource: ParsedResource<K>, compile: Compile) => SpecFindings
  /** Reports changes that the kind does not allow. */
  readonly checkChange?: (resource: ParsedResource<K>, before: SpecOf<K>) => readonly PolicyProblem[]
  /** Check the spec even when the document changes nothing. */
  readonly isAlwaysChecked?: boolean
  /** The other resources that the spec names. */
  readonly references?: (spec: SpecOf<K>) => readonly Reference[]
  /** Creates what belongs to the resource, in the same transaction. Returns a secret that is shown once. */
  readonly afterPut?: (
    tx: Transaction,
    name: string,
    spec: SpecOf<K>,
    deps: AfterPutDeps,
  ) => Promise<string | undefined>
  /** Records a change under an event of its own. Returns false to have the common event recorded. */
  readonly record?: (audit: Pick<AuditLog, 'within'>, tx: Transaction, change: RecordedChange<K>) => boolean
  /** Updates the index for agents. `after` is undefined when the resource was deleted. */
  readonly follow?: (index: CatalogueIndex, name: string, after: StoredResource | undefined) => void
}

interface SpecFindings {
  readonly problems: readonly PolicyProblem[]
  readonly warnings?: readonly PolicyProblem[]
  /** The compiled workload identity, if it has no mistakes. */
  readonly identity?: CompiledIdentity
}

interface Reference {
  /** The path within the spec. */
  readonly path: readonly (string | number)[]
  readonly kind: ResourceKind
  readonly name: string
  /** Whether the resource must exist for as long as it is named. */
  readonly isRequired: boolean
}

interface AfterPutDeps {
  readonly joinTokens: JoinTokens
}

export interface RecordedChange<K extends ResourceKind = ResourceKind> {
  readonly action: 'created' | 'updated' | 'deleted'
  readonly actor: Actor
  readonly subject: { readonly kind: string; readonly name: string; readonly revision: string }
  readonly spec: SpecOf<K>
  readonly expiresMs: number | undefined
}
