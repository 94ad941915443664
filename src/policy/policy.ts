import type { KeyType } from '../crypto/keys.ts'
import { factsWhere } from './attributes/registry.ts'
import { type Attributes, isWithin, lookUpSteps, touches } from './attributes.ts'
import type { CompiledIdentity } from './compiled-identity.ts'
import { Facts } from './expression.ts'
import type { Grant } from './grant.ts'
import { type IndexKey, indexKeys, keyOf } from './index-keys.ts'
import { PersistentMap } from './persistent-map.ts'
import { byPrecedence } from './precedence.ts'

export type { Explanation } from './grant.ts'

/** The bucket of identities that have no index key; they are tried for every caller. */
const GENERAL = 'general'

/** Attributes that are determined only for callers whose decision depends on them. */
const COSTLY: ReadonlySet<string> = new Set(factsWhere(({ isCostly }) => isCostly === true))
/**
 * The bucket of all identities that are indexed by a costly attribute. They are all tried while its
 * value is unknown.
 */
const indexedBy = (path: string): string => `indexed by ${path}`

interface IndexedPath {
  readonly steps: readonly string[]
  readonly identities: number
}

interface Parts {
  readonly byName: PersistentMap<CompiledIdentity>
  readonly buckets: PersistentMap<readonly CompiledIdentity[]>
  readonly paths: ReadonlyMap<string, IndexedPath>
  readonly uses: ReadonlyMap<string, number>
  readonly keyTypes: ReadonlyMap<KeyType, number>
}

/**
 * All workload identities that may be granted. Immutable; `with` returns a successor that shares
 * what did not change. An index finds the identities whose rules name one of the caller's values,
 * so a decision costs the same among ten identities as among a hundred thousand.
 */
export class Policy {
  static readonly empty = new Policy({
    byName: PersistentMap.empty(),
    buckets: PersistentMap.empty(),
    paths: new Map(),
    uses: new Map(),
    keyTypes: new Map(),
  })
  readonly #parts: Parts
  readonly usedAttributes: ReadonlySet<string>

  private constructor(parts: Parts) {
    this.#parts = parts
    this.usedAttributes = new Set(parts.uses.keys())
  }

  static of(identities: Iterable<CompiledIdentity>): Policy {
    return Policy.empty.with({ upserts: identities })
  }

  get size(): number {
    return this.#parts.byName.size
  }

  /** The number of identities per key type. */
  get keyTypes(): ReadonlyMap<KeyType, number> {
    return this.#parts.keyTypes
  }

  get(name: string): CompiledIdentity | undefined {
    return this.#parts.byName.get(name)
  }

  /**
   * Returns a successor with this change. Removals are applied first, so a name in both lists is
   * upserted.
   */
  with(change: { upserts?: Iterable<CompiledIdentity>; removals?: Iterable<string> }): Policy {
    const names = new Map<string, CompiledIdentity | undefined>()
    for (const name of change.removals ?? []) names.set(name, undefined)
    for (const compiled of change.upserts ?? []) names.set(compiled.identity.name, compiled)
    const draft = new Draft(this.#parts)
    for (const [name, next] of names) {
      const last = this.#parts.byName.get(name)
      if (last) draft.count(last, -1)
      if (next) draft.count(next, 1)
    }
    return new Policy({
      byName: this.#parts.byName.with(names),
      buckets: this.#parts.buckets.with(draft.changedBuckets()),
      paths: draft.paths,
      uses: draft.uses,
      keyTypes: draft.keyTypes,
    })
  }

  /** The caller's grants, in the order of delivery. */
  decide(attributes: Attributes): readonly Grant[] {
    const facts = new Facts(attributes)
    const grants: Grant[] = []
    for (const compiled of this.#candidates(attributes)) {
      const grant = compiled.grantOn(facts)
      if (grant) grants.push(grant)
    }
    return grants.length > 1 ? grants.sort(byPrecedence) : grants
  }

  /**
   * Whether an unknown value at `path` (an attribute or a tree) affects any decision about a caller
   * whose other attributes are these.
   */
  dependsOn(path: string, attributes: Attributes): boolean {
    if (!touches(this.usedAttributes, path)) return false
    const facts = new Facts(attributes)
    for (const compiled of this.#mayDependOn(path, attributes))
      if (compiled.dependsOn(path, facts)) return true
    return false
  }

  /** Every identity, in no particular order. */
  get identities(): Iterable<CompiledIdentity> {
    return this.#parts.byName.values()
  }

  /** The identities to check for `path`. The index cannot find them by a value that is unknown. */
  *#mayDependOn(path: string, attributes: Attributes): Iterable<CompiledIdentity> {
    const { buckets, paths, byName } = this.#parts
    if (!COSTLY.has(path) && [...paths.values()].some(({ steps }) => isWithin(steps.join('.'), path))) {
      yield* byName.values() // rare: an attestor has failed
      return
    }
    yield* this.#candidates(attributes)
    yield* buckets.get(indexedBy(path)) ?? []
  }

  #candidates(attributes: Attributes): Iterable<CompiledIdentity> {
    const { buckets, paths } = this.#parts
    const found: (readonly CompiledIdentity[])[] = []
    const add = (key: string): void => {
      const bucket = buckets.get(key)
      if (bucket) found.push(bucket)
    }
    add(GENERAL)
    for (const [path, { steps }] of paths) {
      const value = lookUpSteps(attributes, steps)
      if (value === undefined) continue
      if (Array.isArray(value)) for (const item of new Set(value)) add(keyOf(path, item))
      else if (typeof value !== 'object') add(keyOf(path, value))
    }
    return found.length === 1 && found[0] ? found[0] : new Set(found.flat())
  }
}

/**
 * Collects the changes per bucket, so that each bucket is copied once however many identities
 * change.
 */
class Draft {
  readonly uses: Map<string, number>
  readonly paths: Map<string, IndexedPath>
  readonly keyTypes: Map<KeyType, number>
  readonly #buckets: PersistentMap<readonly CompiledIdentity[]>
  readonly #added = new Map<string, CompiledIdentity[]>()
  readonly #removed = new Map<string, Set<CompiledIdentity>>()

  constructor(parts: Parts) {
    this.uses = new Map(parts.uses)
    this.paths = new Map(parts.paths)
    this.keyTypes = new Map(parts.keyTypes)
    this.#buckets = parts.buckets
  }

  count(compiled: CompiledIdentity, by: 1 | -1): void {
    for (const attribute of compiled.usedAttributes) {
      const left = (this.uses.get(attribute) ?? 0) + by
      if (left > 0) this.uses.set(attribute, left)
      else this.uses.delete(attribute)
    }
    const { keyType } = compiled.parts
    this.keyTypes.set(keyType, (this.keyTypes.get(keyType) ?? 0) + by)
    const keys = indexKeys(compiled)
    if (keys === undefined) this.#note(GENERAL, compiled, by)
    const paths = new Set<string>()
    for (const key of keys ?? []) {
      this.#countPath(key, by)
      this.#note(key.text, compiled, by)
      paths.add(key.steps.join('.'))
    }
    for (const path of paths) if (COSTLY.has(path)) this.#note(indexedBy(path), compiled, by)
  }

  #countPath({ path, steps }: IndexKey, by: 1 | -1): void {
    const identities = (this.paths.get(path)?.identities ?? 0) + by
    if (identities > 0) this.paths.set(path, { steps, identities })
    else this.paths.delete(path)
  }

  #note(key: string, compiled: CompiledIdentity, by: 1 | -1): void {
    if (by > 0) {
      const added = this.#added.get(key)
      if (added) added.push(compiled)
      else this.#added.set(key, [compiled])
    } else {
      const removed = this.#removed.get(key)
      if (removed) removed.add(compiled)
      else this.#removed.set(key, new Set([compiled]))
    }
  }

  *changedBuckets(): Generator<readonly [string, readonly CompiledIdentity[] | undefined]> {
    for (const key of new Set([...this.#added.keys(), ...this.#removed.keys()])) {
      const removed = this.#removed.get(key)
      const before = this.#buckets.get(key) ?? []
      const kept = removed ? before.filter((compiled) => !removed.has(compiled)) : before
      const bucket = kept.concat(this.#added.get(key) ?? [])
      yield [key, bucket.length === 0 ? undefined : bucket]
    }
  }
}
