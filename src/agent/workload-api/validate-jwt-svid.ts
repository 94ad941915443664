import type { Clock } from '../../foundation/clock.ts'
import type { Peer } from '../../peer/peer.ts'
import type { ValidateJWTSVIDRequest__Output } from '../../rpc/gen/ValidateJWTSVIDRequest.ts'
import { encodeMessage } from '../../rpc/services.ts'
import { type JwtSvid, JwtSvidValidator } from '../../spiffe/jwt-svid.ts'
import type { Entitled } from '../entitlement/entitlements.ts'
import { NotSyncedError } from '../entitlement/errors.ts'
import { bundleFor } from '../entitlement/granted-bundles.ts'
import type { IdentitySet } from '../entitlement/identity-set.ts'
import type { KnowledgeSource } from '../sync/knowledge.ts'
import { checkAudience } from './audiences.ts'
import { InvalidWorkloadRequestError } from './errors.ts'
import { toStruct } from './struct.ts'

interface ValidateJwtSvidDeps {
  readonly entitledToBundles: Entitled
  readonly knowledge: KnowledgeSource
  readonly clock: Clock
}

/**
 * ValidateJWTSVID: validates against the agent's own bundle or one with which the caller's
 * identities federate (Workload API §6.2.3).
 */
export class ValidateJwtSvid {
  readonly #deps: ValidateJwtSvidDeps
  readonly #validator = new JwtSvidValidator()
  readonly #answers = new WeakMap<object, Buffer>()

  constructor(deps: ValidateJwtSvidDeps) {
    this.#deps = deps
  }

  handle(peer: Peer, request: ValidateJWTSVIDRequest__Output): Buffer | Promise<Buffer> {
    checkAudience(request.audience)
    if (request.svid === '') throw new InvalidWorkloadRequestError('svid must be specified')
    const set = this.#deps.entitledToBundles(peer)
    return set instanceof Promise
      ? set.then((settled) => this.#validate(peer, settled, request))
      : this.#validate(peer, set, request)
  }

  #validate(peer: Peer, { grants }: IdentitySet, request: ValidateJWTSVIDRequest__Output): Buffer {
    const { svid, audience } = request
    const knowledge = this.#deps.knowledge.value
    if (knowledge === undefined) throw new NotSyncedError()
    const valid = this.#validator.validate(svid, {
      audience,
      nowSeconds: Math.floor(this.#deps.clock.now().getTime() / 1000),
      bundleFor: (trustDomain) => bundleFor(trustDomain, grants, knowledge),
      user: peer.credentials.uid,
    })
    // The validator returns the same claims object for the same token, and the response contains
    // nothing else.
    let answer = this.#answers.get(valid.claims)
    if (answer === undefined) {
      answer = encode(valid)
      this.#answers.set(valid.claims, answer)
    }
    return answer
  }
}

function encode({ spiffeId, claims, audience }: JwtSvid): Buffer {
  // `aud` is a list even if the token has one audience: clients expect that.
  const struct = toStruct({ ...claims, aud: audience })
  return encodeMessage('ValidateJWTSVIDResponse', { spiffeId: spiffeId.toString(), claims: struct })
}
