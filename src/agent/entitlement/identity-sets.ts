import { SharedLru } from '../../foundation/shared-lru.ts'
import type { Grant } from '../../policy/compile.ts'
import { IdentitySet, type IdentitySetDeps } from './identity-set.ts'

/**
 * How many identities may be in sets without a stream, which are kept for returning callers. Each
 * takes a few KB.
 */
const MAX_IDLE_IDENTITIES = 4_096
/** The overhead of a set, counted in identities. */
const A_SET = 4
/** The most that a set counts for; otherwise the biggest could not be kept at all. */
const BIGGEST_SET = MAX_IDLE_IDENTITIES / 8

/**
 * All identity sets of callers, each held once. One user's callers cannot evict the sets of
 * another's.
 */
export class IdentitySets {
  readonly #deps: IdentitySetDeps
  readonly #sets = new Map<string, IdentitySet>()
  readonly #byGrant = new Map<string, Set<IdentitySet>>()
  readonly #idle: SharedLru<number, IdentitySet>
  #made = 0

  constructor(deps: Omit<IdentitySetDeps, 'onWatched'>) {
    const onWatched: IdentitySetDeps['onWatched'] = (set, uid) => this.#onWatched(set, uid)
    this.#deps = { ...deps, onWatched }
    this.#idle = new SharedLru(MAX_IDLE_IDENTITIES, {
      sizeOf: (_key, { grants }) => Math.min(A_SET + grants.length, BIGGEST_SET),
      onEvict: (_key, set) => this.#forget(set),
    })
  }

  /** Returns the set of exactly these grants, in this order, for a caller of this user. */
  of(grants: readonly Grant[], uid: number): IdentitySet {
    const key = JSON.stringify(grants.map((grant) => grant.key))
    let set = this.#sets.get(key)
    if (set === undefined) {
      this.#made += 1
      set = new IdentitySet(this.#made, key, grants, this.#deps)
      for (const grant of grants) this.#index(grant.key, set)
      this.#sets.set(key, set)
    }
    if (!set.isWatched) this.#idle.set(key, set, uid)
    return set
  }

  /** The sets that contain a grant. */
  with(grantKey: string): Iterable<IdentitySet> {
    return this.#byGrant.get(grantKey) ?? []
  }

  #index(grantKey: string, set: IdentitySet): void {
    const sets = this.#byGrant.get(grantKey)
    if (sets) sets.add(set)
    else this.#byGrant.set(grantKey, new Set([set]))
  }

  /** A watched set is kept. Once its last stream closes, it counts to that user's share of the cache. */
  #onWatched(set: IdentitySet, uid: number): void {
    if (set.isWatched) this.#idle.delete(set.key)
    else if (!set.isForgotten) this.#idle.set(set.key, set, uid)
  }

  #forget(set: IdentitySet): void {
    set.isForgotten = true
    this.#sets.delete(set.key)
    for (const { key } of set.grants) {
      const sets = this.#byGrant.get(key)
      sets?.delete(set)
      if (sets?.size === 0) this.#byGrant.delete(key)
    }
  }
}
