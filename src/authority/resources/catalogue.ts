import { Emitter } from '../../foundation/emitter.ts'
import { RoleBounds, type RoleSpec } from '../../policy/role.ts'
import type { ResourceChange, ResourceRepository, StoredResource } from '../datastore/resource-repository.ts'
import { type ForeignBundle, foreignBundleOf } from './foreign-bundle.ts'
import { type Compile, IdentityEntry } from './identity-entry.ts'
import { botSpecOf, identityOf, roleSpecOf } from './stored-form.ts'

/** What a change of resources means for those who use workload identities. */
export interface CatalogueChange {
  readonly upserts: readonly IdentityEntry[]
  readonly removals: readonly string[]
  /** Bots whose roles, traits or existence changed. */
  readonly bots: ReadonlySet<string>
  /** Some federation was made, changed or deleted. */
  readonly federations: boolean
}

type Listener = (change: CatalogueChange) => void

const NO_ROLES = new RoleBounds([])

/** Every resource in memory, as the database has it: follows the repository's news, which come in order. */
export class Catalogue implements Disposable {
  readonly #compile: Compile
  readonly #resources = new Map<string, Map<string, StoredResource>>()
  readonly #identities = new Map<string, IdentityEntry>()
  /** By the names of the federations. */
  readonly #foreignBundles = new Map<string, ForeignBundle>()
  readonly #bounds = new Map<string, RoleBounds>()
  readonly #changes = new Emitter<CatalogueChange>()
  #subscription: Disposable | undefined

  private constructor(compile: Compile) {
    this.#compile = compile
  }

  static async load(repository: ResourceRepository, compile: Compile): Promise<Catalogue> {
    const catalogue = new Catalogue(compile)
    const missed: ResourceChange[] = []
    const early = repository.subscribe((changes) => missed.push(...changes))
    for (const stored of await repository.list()) catalogue.#put(stored)
    early[Symbol.dispose]()
    catalogue.#follow(missed)
    catalogue.#subscription = repository.subscribe((changes) => catalogue.#follow(changes))
    return catalogue
  }

  get(kind: string, name: string): StoredResource | undefined {
    return this.#resources.get(kind)?.get(name)
  }

  /** Resources of one kind, in the order in which they were first made. */
  all(kind: string): Iterable<StoredResource> {
    return this.#resources.get(kind)?.values() ?? []
  }

  count(kind: string): number {
    return this.#resources.get(kind)?.size ?? 0
  }

  identity(name: string): IdentityEntry | undefined {
    return this.#identities.get(name)
  }

  get identities(): ReadonlyMap<string, IdentityEntry> {
    return this.#identities
  }

  /** Bundles of foreign trust domains; each is the same object for as long as its federation stands. */
  get foreignBundles(): Iterable<ForeignBundle> {
    return this.#foreignBundles.values()
  }

  /** What the roles of a bot permit; an unknown bot, or one whose roles are gone, may use nothing. */
  bounds(bot: string): RoleBounds {
    const known = this.#bounds.get(bot)
    if (known) return known
    if (!this.get('bot', bot)) return NO_ROLES
    const bounds = new RoleBounds(this.roles(bot))
    this.#bounds.set(bot, bounds)
    return bounds
  }

  /** The roles that a bot has, as far as they exist. */
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

  #put(stored: StoredResource): void {
    const ofKind = this.#resources.get(stored.kind) ?? new Map<string, StoredResource>()
    this.#resources.set(stored.kind, ofKind)
    ofKind.set(stored.name, stored)
    if (stored.kind === 'workload_identity') {
      this.#identities.set(stored.name, new IdentityEntry(identityOf(stored), this.#compile))
    } else if (stored.kind === 'federation') {
      this.#foreignBundles.set(stored.name, foreignBundleOf(stored))
    }
  }

  #follow(changes: readonly ResourceChange[]): void {
    const upserts = new Map<string, IdentityEntry>()
    const removals = new Set<string>()
    const roles = new Set<string>()
    const bots = new Set<string>()
    let federations = false
    for (const { kind, name, after } of changes) {
      if (after) this.#put(after)
      else this.#resources.get(kind)?.delete(name)
      if (kind === 'role') roles.add(name)
      else if (kind === 'bot') bots.add(name)
      else if (kind === 'federation') {
        federations = true
        if (!after) this.#foreignBundles.delete(name)
      } else if (kind === 'workload_identity') {
        const entry = after && this.#identities.get(name)
        if (entry) {
          upserts.set(name, entry)
          removals.delete(name)
        } else {
          this.#identities.delete(name)
          upserts.delete(name)
          removals.add(name)
        }
      }
    }
    if (roles.size > 0) {
      for (const bot of this.all('bot')) {
        if (botSpecOf(bot).roles.some((role) => roles.has(role))) bots.add(bot.name)
      }
    }
    for (const bot of bots) this.#bounds.delete(bot)
    if (upserts.size + removals.size + bots.size === 0 && !federations) return
    const change = { upserts: [...upserts.values()], removals: [...removals], bots, federations }
    this.#changes.emit(change)
  }
}
