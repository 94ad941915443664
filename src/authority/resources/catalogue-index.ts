import type { WorkloadIdentity } from '../../policy/workload-identity.ts'
import type { ForeignBundle } from './foreign-bundle.ts'
import { type Compile, IdentityEntry } from './identity-entry.ts'

/** What a change of resources means for the users of workload identities. */
export interface CatalogueChange {
  readonly upserts: readonly IdentityEntry[]
  readonly removals: readonly string[]
  /** Bots whose roles, traits or existence changed. */
  readonly bots: ReadonlySet<string>
  /** Whether any federation was created, changed or deleted. */
  readonly federations: boolean
}

/**
 * What agents need of the resources, computed once for all of them, and what of it has changed since
 * `take` was last called.
 */
export class CatalogueIndex {
  readonly identities = new Map<string, IdentityEntry>()
  /** By name of the federation. */
  readonly foreignBundles = new Map<string, ForeignBundle>()
  readonly #compile: Compile
  #upserts = new Map<string, IdentityEntry>()
  #removals = new Set<string>()
  #roles = new Set<string>()
  #bots = new Set<string>()
  #federations = false

  constructor(compile: Compile) {
    this.#compile = compile
  }

  noteIdentity(name: string, identity: WorkloadIdentity | undefined): void {
    if (identity) {
      const entry = new IdentityEntry(identity, this.#compile)
      this.identities.set(name, entry)
      this.#upserts.set(name, entry)
      this.#removals.delete(name)
    } else {
      this.identities.delete(name)
      this.#upserts.delete(name)
      this.#removals.add(name)
    }
  }

  noteFederation(name: string, bundle: ForeignBundle | undefined): void {
    this.#federations = true
    if (bundle) this.foreignBundles.set(name, bundle)
    else this.foreignBundles.delete(name)
  }

  noteRole(name: string): void {
    this.#roles.add(name)
  }

  noteBot(name: string): void {
    this.#bots.add(name)
  }

  /**
   * Returns everything noted since the last call. `botsWith` finds the bots that have one of these
   * roles.
   */
  take(botsWith: (roles: ReadonlySet<string>) => Iterable<string>): CatalogueChange {
    const bots = new Set(this.#bots)
    if (this.#roles.size > 0) for (const bot of botsWith(this.#roles)) bots.add(bot)
    const change = {
      upserts: [...this.#upserts.values()],
      removals: [...this.#removals],
      bots,
      federations: this.#federations,
    }
    this.#upserts = new Map()
    this.#removals = new Set()
    this.#roles = new Set()
    this.#bots = new Set()
    this.#federations = false
    return change
  }
}
