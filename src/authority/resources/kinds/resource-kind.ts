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

/** What one kind of resource has of its own. Everything else is the same for all kinds. */
export interface ResourceKindDefinition<K extends ResourceKind = ResourceKind> {
  /** The spec as a person writes it. Default: as it is stored. */
  readonly asWritten?: (spec: SpecOf<K>) => object
  /** What `policy/` finds in it. */
  readonly check?: (resource: ParsedResource<K>, compile: Compile) => SpecFindings
  /** Finds what may not change from what is stored. */
  readonly checkChange?: (resource: ParsedResource<K>, before: SpecOf<K>) => readonly PolicyProblem[]
  /** Also when nothing of it changes. */
  readonly isAlwaysChecked?: boolean
  /** The other resources that it names. */
  readonly references?: (spec: SpecOf<K>) => readonly Reference[]
  /** Makes what has to be there besides, in the same transaction; gives a secret that is shown once. */
  readonly afterPut?: (
    tx: Transaction,
    name: string,
    spec: SpecOf<K>,
    deps: AfterPutDeps,
  ) => Promise<string | undefined>
  /** Records a change under its own events; false: the common event is right. */
  readonly record?: (audit: Pick<AuditLog, 'within'>, tx: Transaction, change: RecordedChange<K>) => boolean
  /** Notes what a change means to agents; `after` is undefined when it was deleted. */
  readonly follow?: (index: CatalogueIndex, name: string, after: StoredResource | undefined) => void
}

export interface SpecFindings {
  readonly problems: readonly PolicyProblem[]
  readonly warnings?: readonly PolicyProblem[]
  /** What a workload identity without mistakes compiles to. */
  readonly identity?: CompiledIdentity
}

export interface Reference {
  /** Within the spec. */
  readonly path: readonly (string | number)[]
  readonly kind: ResourceKind
  readonly name: string
  /** It must be there, and stay there for as long as it is named. */
  readonly isRequired: boolean
}

export interface AfterPutDeps {
  readonly joinTokens: JoinTokens
}

export interface RecordedChange<K extends ResourceKind = ResourceKind> {
  readonly action: 'created' | 'updated' | 'deleted'
  readonly actor: Actor
  readonly subject: { readonly kind: string; readonly name: string; readonly revision: string }
  readonly spec: SpecOf<K>
  readonly expiresMs: number | undefined
}
