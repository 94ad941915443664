import { createOrphanCa } from '../../crypto/orphan-ca.ts'
import type { Random } from '../../foundation/random.ts'
import { SharedLru } from '../../foundation/shared-lru.ts'
import type { Bundle } from '../../spiffe/bundle.ts'
import type { CachedX509Svid } from '../svid-cache/x509-entry.ts'
import { plainCaSecret, type Secret, svidSecret, type TrustedAuthorities, validatorSecret } from './secret.ts'

/** Cache size for encoded bundles, by name and set of trust domains. */
const MAX_BUNDLE_BYTES = 16 * 1024 * 1024
const BYTES_A_SECRET = 512

interface KeptBundles {
  readonly bundles: readonly Bundle[]
  readonly secret: Secret
}

/**
 * Caches encoded secrets, so that a thousand Envoys cost no more encoding than one. Bundles are
 * shared out by user: ever new names of one user cannot evict another's.
 */
export class SecretStore {
  readonly #svids = new WeakMap<CachedX509Svid, Secret[]>()
  readonly #bundles = new SharedLru<number, KeptBundles>(MAX_BUNDLE_BYTES, {
    sizeOf: (key, { secret }) => bytesOf(key, secret),
  })
  readonly #closed = new SharedLru<number, Secret>(MAX_BUNDLE_BYTES, { sizeOf: bytesOf })
  readonly #random: Random
  #nobody: Buffer | undefined

  constructor(random: Random) {
    this.#random = random
  }

  svid(name: string, svid: CachedX509Svid): Secret {
    let made = this.#svids.get(svid)
    if (made === undefined) {
      made = []
      this.#svids.set(svid, made)
    }
    let secret = made.find((each) => each.name === name)
    if (secret === undefined) {
      secret = svidSecret(name, svid)
      made.push(secret)
    }
    return secret
  }

  /**
   * A validation context that trusts nobody, in place of a bundle that is empty or not for this
   * caller. Envoy ignores removals, and without an update would keep the bundle it had.
   */
  closed(name: string, trustDomain: string, plain: boolean, uid: number): Secret {
    const key = JSON.stringify([name, trustDomain, plain])
    const kept = this.#closed.get(key, uid)
    if (kept !== undefined) return kept
    this.#nobody ??= createOrphanCa(this.#random)
    const nobody: TrustedAuthorities = { trustDomain, x509Authorities: [this.#nobody] }
    const secret = plain ? plainCaSecret(name, nobody) : validatorSecret(name, [nobody])
    this.#closed.set(key, secret, uid)
    return secret
  }

  /**
   * The validation context of `bundles`, which are sorted and not empty. `plain` requires exactly
   * one.
   */
  bundles(name: string, bundles: readonly Bundle[], plain: boolean, uid: number): Secret {
    const key = JSON.stringify([name, plain, ...bundles.map(({ trustDomain }) => trustDomain)])
    const kept = this.#bundles.get(key, uid)
    if (kept !== undefined && bundles.every((bundle, index) => bundle === kept.bundles[index])) {
      return kept.secret
    }
    const [first] = bundles
    const secret = plain && first !== undefined ? plainCaSecret(name, first) : validatorSecret(name, bundles)
    this.#bundles.set(key, { bundles, secret }, uid)
    return secret
  }
}

function bytesOf(key: string, { name, bytes }: Secret): number {
  return BYTES_A_SECRET + key.length + name.length + bytes.length
}
