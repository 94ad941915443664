import type { Grant } from '../../policy/compile.ts'
import { IdentitySet, type IdentitySetDeps } from './identity-set.ts'

/** Sets without a stream that are kept for callers who come again. */
const IDLE_SETS = 512

/** Every set of identities that some caller has, once. */
export class IdentitySets {
  readonly #deps: IdentitySetDeps
  readonly #sets = new Map<string, IdentitySet>()
  readonly #byGrant = new Map<string, Set<IdentitySet>>()
  #limit = IDLE_SETS
  #made = 0

  constructor(deps: IdentitySetDeps) {
    this.#deps = deps
  }

  /** The set of exactly these grants, in this order. */
  of(grants: readonly Grant[]): IdentitySet {
    const key = JSON.stringify(grants.map((grant) => grant.key))
    let set = this.#sets.get(key)
    if (set === undefined) {
      if (this.#sets.size >= this.#limit) this.#forgetIdle()
      this.#made += 1
      set = new IdentitySet(this.#made, key, grants, this.#deps)
      for (const grant of grants) this.#index(grant.key, set)
    } else {
      this.#sets.delete(key)
    }
    this.#sets.set(key, set)
    return set
  }

  /** The sets that hold a grant. */
  with(grantKey: string): Iterable<IdentitySet> {
    return this.#byGrant.get(grantKey) ?? []
  }

  #index(grantKey: string, set: IdentitySet): void {
    const sets = this.#byGrant.get(grantKey)
    if (sets) sets.add(set)
    else this.#byGrant.set(grantKey, new Set([set]))
  }

  /** The oldest half of the sets that nobody watches. Looked for again only when as many have come as are left. */
  #forgetIdle(): void {
    const idle = [...this.#sets.values()].filter((set) => !set.isWatched)
    for (const set of idle.slice(0, Math.ceil(idle.length / 2))) {
      set.isForgotten = true
      this.#sets.delete(set.key)
      for (const { key } of set.grants) {
        const sets = this.#byGrant.get(key)
        sets?.delete(set)
        if (sets?.size === 0) this.#byGrant.delete(key)
      }
    }
    this.#limit = Math.max(IDLE_SETS, this.#sets.size * 2)
  }
}
