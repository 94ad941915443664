import { Emitter } from '../../foundation/emitter.ts'
import { RoleBounds, type RoleSpec } from '../../policy/role.ts'
import type { ResourceChange, ResourceRepository, StoredResource } from '../datastore/resource-repository.ts'
import { type CatalogueChange, CatalogueIndex } from './catalogue-index.ts'
import type { ForeignBundle } from './foreign-bundle.ts'
import type { Compile, IdentityEntry } from './identity-entry.ts'
import { kindOf } from './kinds/kinds.ts'
import { botSpecOf, roleSpecOf } from './stored-specs.ts'

export type { CatalogueChange } from './catalogue-index.ts'

type Listener = (change: CatalogueChange) => void

const NO_ROLES = new RoleBounds([])

/**
 * All resources in memory, as the database has them. It follows the repository's changes, which
 * arrive in order.
 */
export class Catalogue implements Disposable {
  readonly #resources = new Map<string, Map<string, StoredResource>>()
  readonly #index: CatalogueIndex
  readonly #bounds = new Map<string, RoleBounds>()
  readonly #changes = new Emitter<CatalogueChange>()
  #subscription: Disposable | undefined

  private constructor(compile: Compile) {
    this.#index = new CatalogueIndex(compile)
  }

  static async load(repository: ResourceRepository, compile: Compile): Promise<Catalogue> {
    const catalogue = new Catalogue(compile)
    const missed: ResourceChange[] = []
    const early = repository.subscribe((changes) => missed.push(...changes))
    for (const stored of await repository.list()) catalogue.#note(stored.kind, stored.name, stored)
    early[Symbol.dispose]()
    catalogue.#follow(missed)
    catalogue.#subscription = repository.subscribe((changes) => catalogue.#follow(changes))
    return catalogue
  }

  get(kind: string, name: string): StoredResource | undefined {
    return this.#resources.get(kind)?.get(name)
  }

  /** The resources of one kind, in the order in which they were created. */
  all(kind: string): Iterable<StoredResource> {
    return this.#resources.get(kind)?.values() ?? []
  }

  count(kind: string): number {
    return this.#resources.get(kind)?.size ?? 0
  }

  identity(name: string): IdentityEntry | undefined {
    return this.#index.identities.get(name)
  }

  get identities(): ReadonlyMap<string, IdentityEntry> {
    return this.#index.identities
  }

  /** The bundles of foreign trust domains. Each stays the same object until its federation changes. */
  get foreignBundles(): Iterable<ForeignBundle> {
    return this.#index.foreignBundles.values()
  }

  /** What the roles of a bot permit. An unknown bot, or one whose roles do not exist, may use nothing. */
  bounds(bot: string): RoleBounds {
    const known = this.#bounds.get(bot)
    if (known) return known
    if (!this.get('bot', bot)) return NO_ROLES
    const bounds = new RoleBounds(this.roles(bot))
    this.#bounds.set(bot, bounds)
    return bounds
  }

  /** The roles that a bot has, without those that do not exist. */
  roles(bot: string): { readonly name: string; readonly spec: RoleSpec }[] {
    const stored = this.get('bot', bot)
    if (!stored) return []
    return botSpecOf(stored).roles.flatMap((name) => {
      const role = this.get('role', name)
      return role ? [{ name, spec: roleSpecOf(role) }] : []
    })
  }

  subscribe(listener: Listener): Disposable {
    return this.#changes.subscribe(listener)
  }

  [Symbol.dispose](): void {
    this.#subscription?.[Symbol.dispose]()
  }

  #note(kind: string, name: string, after: StoredResource | undefined): void {
    const ofKind = this.#resources.get(kind) ?? new Map<string, StoredResource>()
    this.#resources.set(kind, ofKind)
    if (after) ofKind.set(name, after)
    else ofKind.delete(name)
    kindOf(kind).follow?.(this.#index, name, after)
  }

  #follow(changes: readonly ResourceChange[]): void {
    for (const { kind, name, after } of changes) this.#note(kind, name, after)
    const change = this.#index.take((roles) => this.#botsWith(roles))
    const { upserts, removals, bots, federations } = change
    for (const bot of bots) this.#bounds.delete(bot)
    if (upserts.length + removals.length + bots.size > 0 || federations) this.#changes.emit(change)
  }

  *#botsWith(roles: ReadonlySet<string>): Generator<string> {
    for (const bot of this.all('bot'))
      if (botSpecOf(bot).roles.some((role) => roles.has(role))) yield bot.name
  }
}
