import type { DiscoveryRequest__Output } from '../../rpc/gen/envoy/service/discovery/v3/DiscoveryRequest.ts'
import type { FoundSecret } from './offer.ts'
import { wholeResponse } from './response.ts'
import { bytesOfNames, checkNames } from './sds-limits.ts'
import { versionOf } from './secret.ts'
import { type MakeNonce, type SecretResponse, type Subscription, WILDCARD } from './subscription.ts'

type Request = Pick<DiscoveryRequest__Output, 'resourceNames' | 'responseNonce'>

/**
 * State-of-the-world xDS: each request names all wanted resources, each response has all available
 * ones.
 */
export class WholeSubscription implements Subscription<Request> {
  names: readonly string[] = []
  isWildcard = false
  readonly #maxNames: number
  readonly #makeNonce: MakeNonce
  #isFirst = true
  /** After names were requested once, an empty list means none of them, not everything. */
  #hasNamed = false
  #nonce = ''
  #sentVersion: string | undefined
  /** A new subscription gets a response even if its content was sent before. */
  #owes = false

  constructor(maxNames: number, makeNonce: MakeNonce) {
    this.#maxNames = maxNames
    this.#makeNonce = makeNonce
  }

  get keptBytes(): number {
    return bytesOfNames(this.names)
  }

  /**
   * Ignores a request that acknowledges an older response than the last: the client repeats its
   * subscription when it acknowledges that one.
   */
  hear({ resourceNames, responseNonce }: Request): boolean {
    if (!this.#isFirst && responseNonce !== '' && responseNonce !== this.#nonce) return false
    const isChanged = this.#want(resourceNames) || this.#isFirst
    this.#isFirst = false
    if (isChanged) this.#owes = true
    return isChanged
  }

  next({ secrets }: FoundSecret): SecretResponse | undefined {
    if (secrets.length === 0) {
      // Envoy treats a response without resources as an error. The next response is sent whatever
      // its version.
      this.#sentVersion = undefined
      return undefined
    }
    const version = versionOf(secrets)
    if (!this.#owes && version === this.#sentVersion) return undefined
    this.#owes = false
    this.#sentVersion = version
    this.#nonce = this.#makeNonce()
    return wholeResponse(secrets, this.#nonce)
  }

  /** Updates the subscription; returns true if it changed. */
  #want(asked: readonly string[]): boolean {
    checkNames(asked, this.#maxNames)
    const isWildcard = asked.includes(WILDCARD) || (asked.length === 0 && !this.#hasNamed)
    const names = asked.length > 1 || asked[0] === WILDCARD ? tidy(asked) : asked
    if (asked.length > 0) this.#hasNamed = true
    const isSame = names.length === this.names.length && names.every((name, n) => name === this.names[n])
    if (isSame && isWildcard === this.isWildcard) return false
    this.names = names
    this.isWildcard = isWildcard
    return true
  }
}

function tidy(asked: readonly string[]): readonly string[] {
  return [...new Set(asked)].filter((name) => name !== WILDCARD).sort()
}
