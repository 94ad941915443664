import { SIGNING_ALGORITHMS, SIGNING_KEYS, type SigningAlgorithm } from '../../crypto/jws-algorithm.ts'
import type { KeyType } from '../../crypto/keys.ts'

/** The `jwt` section of `authority.yaml`. */
export interface JwtConfig {
  readonly algorithm: SigningAlgorithm
  readonly by_audience: Readonly<Record<string, SigningAlgorithm>>
}

/** Chooses the algorithm that signs a token, by its audiences. */
export class JwtAlgorithms {
  /** For audiences that the configuration does not name. */
  readonly usual: SigningAlgorithm
  /** All algorithms that may be needed, the usual one first. Each has a key of its own. */
  readonly inUse: readonly SigningAlgorithm[]
  readonly #byAudience: ReadonlyMap<string, SigningAlgorithm>

  constructor({ algorithm, by_audience }: JwtConfig) {
    this.usual = algorithm
    this.#byAudience = new Map(Object.entries(by_audience))
    this.inUse = [...new Set([algorithm, ...this.#byAudience.values()])]
  }

  /**
   * The algorithm for a token with these audiences. A named audience accepts only its algorithm, any
   * other accepts all of them, so the named ones decide. Undefined when they disagree, because a
   * token has one signature.
   */
  of(audiences: readonly string[]): SigningAlgorithm | undefined {
    if (this.#byAudience.size === 0) return this.usual
    let found: SigningAlgorithm | undefined
    for (const audience of audiences) {
      const named = this.#byAudience.get(audience)
      if (named === undefined) continue
      if (found !== undefined && named !== found) return undefined
      found = named
    }
    return found ?? this.usual
  }
}

export function algorithmOf(keyType: KeyType): SigningAlgorithm {
  const found = SIGNING_ALGORITHMS.find((algorithm) => SIGNING_KEYS[algorithm] === keyType)
  if (found === undefined) throw new TypeError(`no algorithm signs with ${keyType}`)
  return found
}
