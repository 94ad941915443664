import { RESOURCE_KINDS } from '../../config/resource-specs.ts'
import type { ParsedResource, ResourceKind, SpecOf } from '../../config/resources.ts'
import type { Clock } from '../../foundation/clock.ts'
import { Mutex } from '../../foundation/mutex.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Actor } from '../audit/events.ts'
import { RevisionConflictError } from '../datastore/errors.ts'
import type { Datastore, Transaction } from '../datastore/ports.ts'
import type { NewResource, ResourceRepository, StoredResource } from '../datastore/resource-repository.ts'
import type { JoinTokens } from '../join/join-tokens.ts'
import type { Principal, Verb } from '../principal.ts'
import type { Catalogue } from './catalogue.ts'
import { usersOf } from './check-references.ts'
import { unifiedDiff } from './diff.ts'
import {
  ResourceChangedError,
  ResourceExistsError,
  ResourceForbiddenError,
  ResourceInUseError,
  ResourceNotFoundError,
  ResourcesInvalidError,
  UnknownKindError,
} from './errors.ts'
import type { Compile } from './identity-entry.ts'
import { isResourceKind, kindOf } from './kinds/kinds.ts'
import type { RecordedChange } from './kinds/resource-kind.ts'
import type { KeyLives } from './life-warnings.ts'
import { parseFiles, type ResourceFile } from './parse-in-turns.ts'
import { type PlannedChange, planApply } from './plan.ts'
import { toYaml } from './stored-form.ts'

interface ResourceStoreDeps {
  readonly keyLives: KeyLives
  readonly datastore: Datastore
  readonly repository: ResourceRepository
  readonly catalogue: Catalogue
  readonly audit: Pick<AuditLog, 'within'>
  readonly joinTokens: JoinTokens
  readonly compile: Compile
  readonly trustDomain: string
  readonly clock: Clock
}

interface ApplyInput {
  /** Applied together. */
  readonly files: readonly ResourceFile[]
  /** Who asks. */
  readonly principal: Principal
  /** Only validate and compare. */
  readonly dryRun?: boolean
  /** Refuse to change existing resources. */
  readonly createOnly?: boolean
}

interface Applied {
  readonly kind: string
  readonly name: string
  readonly action: PlannedChange['action']
  readonly revision: string
  readonly diff: string
}

interface ApplyOutcome {
  readonly resources: readonly Applied[]
  readonly warnings: readonly string[]
  readonly secrets: readonly { readonly joinToken: string; readonly secret: string }[]
}

/**
 * Changes resources: one request at a time, all documents of all files or none, each with an audit row
 * that names who did it.
 */
export class ResourceStore {
  readonly #deps: ResourceStoreDeps
  readonly #turns = new Mutex()

  constructor(deps: ResourceStoreDeps) {
    this.#deps = deps
  }

  /** @throws ResourcesInvalidError with every problem of the files, each with its line */
  apply(input: ApplyInput): Promise<ApplyOutcome> {
    return this.#exclusively(async () => {
      const { catalogue, compile, trustDomain, clock, keyLives } = this.#deps
      const { resources, problems } = await parseFiles(input.files)
      for (const resource of resources) this.#checkMayPut(input.principal, resource)
      const nowMs = clock.now().getTime()
      const plan = await planApply(resources, { catalogue, compile, trustDomain, nowMs, keyLives })
      const found = [...problems, ...plan.problems]
      if (found.length > 0) throw new ResourcesInvalidError(found, found.length === plan.outdated)
      if (input.createOnly) refuseExisting(plan.changes)
      const { warnings } = plan
      if (input.dryRun) return { resources: plan.changes.map(describeDryRun), warnings, secrets: [] }
      return { ...(await this.#commit(plan.changes, input.principal.actor)), warnings }
    })
  }

  get(principal: Principal, kind: string, name: string): StoredResource {
    return this.#find(principal, 'get', kind, name)
  }

  /** The resources that the principal may list, sorted by kind and name. An empty kind means all kinds. */
  list(principal: Principal, kind: string): StoredResource[] {
    if (kind !== '') checkKind(kind)
    const kinds = kind === '' ? RESOURCE_KINDS : [kind]
    return kinds.flatMap((one) =>
      [...this.#deps.catalogue.all(one)]
        .filter(({ name, metadata }) => principal.may('list', one, name, metadata.labels))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    )
  }

  /**
   * Deletes a resource. One that others require is refused, because they would silently lose what it
   * gives them. @throws ResourceInUseError
   */
  delete(principal: Principal, kind: string, name: string, revision: string): Promise<void> {
    return this.#exclusively(async () => {
      const { datastore, repository } = this.#deps
      const stored = this.#find(principal, 'delete', kind, name)
      if (revision !== '' && revision !== stored.revision) {
        throw new ResourceChangedError(`${kind} ${name} is at revision ${stored.revision} now: get it again`)
      }
      const users = usersOf(this.#deps.catalogue, kind, name)
      if (users.length > 0)
        throw new ResourceInUseError(
          `${kind} ${name} is used by ${listed(users)}: change or delete that first`,
        )
      const removal = datastore.transaction(async (tx) => {
        await repository.remove(tx, kind, name, stored)
        this.#record(tx, 'deleted', stored, stored.revision, principal.actor)
      })
      await asUsersSeeIt(removal)
    })
  }

  /** Checks permission first, so that a caller without it cannot find out whether the resource exists. */
  #find(principal: Principal, verb: Verb, kind: string, name: string): StoredResource {
    checkKind(kind)
    const stored = this.#deps.catalogue.get(kind, name)
    if (!principal.may(verb, kind, name, stored?.metadata.labels ?? {})) refuse(verb, kind, name)
    if (!stored) throw new ResourceNotFoundError(`there is no ${kind} ${name}`)
    return stored
  }

  /** Checks an existing resource by its present labels and by its new ones. */
  #checkMayPut(principal: Principal, { kind, name, labels }: ParsedResource): void {
    const before = this.#deps.catalogue.get(kind, name)
    const verb = before ? 'update' : 'create'
    const isPermitted =
      principal.may(verb, kind, name, labels) &&
      (before === undefined || principal.may(verb, kind, name, before.metadata.labels))
    if (!isPermitted) refuse(verb, kind, name)
  }

  async #commit(changes: readonly PlannedChange[], actor: Actor): Promise<Omit<ApplyOutcome, 'warnings'>> {
    const { datastore, repository, joinTokens } = this.#deps
    const puts = changes.flatMap(({ action, before, next }) =>
      action === 'unchanged' ? [] : [{ resource: next, before: { revision: before?.revision } }],
    )
    const secrets: { joinToken: string; secret: string }[] = []
    const resources = await asUsersSeeIt(
      datastore.transaction(async (tx) => {
        // The authority itself creates locks, too, so this compares the revisions of the plan again.
        const stored = (await repository.putAll(tx, puts)).values()
        const applied: Applied[] = []
        for (const change of changes) {
          const { action, before, next } = change
          const { kind, name } = next
          const revision = (action === 'unchanged' ? before : stored.next().value)?.revision ?? ''
          applied.push({ kind, name, action, revision, diff: '' })
          if (action === 'unchanged') continue
          const spec = next.spec as SpecOf<ResourceKind>
          const secret = await kindOf(kind).afterPut?.(tx, name, spec, { joinTokens })
          if (secret !== undefined) secrets.push({ joinToken: name, secret })
          this.#record(tx, action, next, revision, actor)
        }
        return applied
      }),
    )
    return { resources, secrets }
  }

  #record(
    tx: Transaction,
    action: RecordedChange['action'],
    { kind, name, metadata, spec }: NewResource,
    revision: string,
    actor: Actor,
  ): void {
    const { audit } = this.#deps
    const subject = { kind, name, revision }
    const change = {
      action,
      actor,
      subject,
      spec: spec as RecordedChange['spec'],
      expiresMs: metadata.expiresMs,
    }
    if (!kindOf(kind).record?.(audit, tx, change)) audit.within(tx, `resource.${action}`, actor, subject)
  }

  /** Runs one change at a time, so that a plan is still valid when it is written. */
  #exclusively<T>(task: () => Promise<T>): Promise<T> {
    return this.#turns.run(task)
  }
}

/** Turns a conflict into an error that says what the user can do. */
async function asUsersSeeIt<T>(change: Promise<T>): Promise<T> {
  try {
    return await change
  } catch (error) {
    if (!(error instanceof RevisionConflictError)) throw error
    throw new ResourceChangedError(error.publicMessage, { cause: error })
  }
}

function describeDryRun({ action, before, next }: PlannedChange): Applied {
  const { kind, name } = next
  const diff =
    action === 'unchanged' ? '' : unifiedDiff(before ? toYaml(before) : '', toYaml(next), `${kind}/${name}`)
  return { kind, name, action, revision: before?.revision ?? '', diff }
}

function refuseExisting(changes: readonly PlannedChange[]): void {
  for (const { before } of changes) {
    if (before)
      throw new ResourceExistsError(`there is a ${before.kind} ${before.name} already: choose another name`)
  }
}

function refuse(verb: Verb, kind: string, name: string): never {
  throw new ResourceForbiddenError(`not permitted: ${verb} ${kind} ${name}`)
}

function checkKind(kind: string): void {
  if (isResourceKind(kind)) return
  throw new UnknownKindError(`unknown kind: expected one of ${RESOURCE_KINDS.join(', ')}`)
}

const MAX_NAMED = 3

function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMED
  return more > 0 ? `${names.slice(0, MAX_NAMED).join(', ')} and ${more} more` : names.join(', ')
}
