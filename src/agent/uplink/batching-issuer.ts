import type { Clock } from '../../foundation/clock.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { IssueError__Output } from '../../rpc/gen/signet/v1/IssueError.ts'
import type { IssueJwtSvidsResponse__Output } from '../../rpc/gen/signet/v1/IssueJwtSvidsResponse.ts'
import type { IssueX509SvidsResponse__Output } from '../../rpc/gen/signet/v1/IssueX509SvidsResponse.ts'
import { RpcError, StatusCode } from '../../rpc/status.ts'
import { askingUser } from '../attestation/asking-user.ts'
import type { Asked, IdentityClaim, SvidIssuer } from '../svid-cache/svid-issuer.ts'
import type { AuthorityClient } from './authority-door.ts'
import { Batcher, MAX_BATCH_SIZE } from './batcher.ts'
import { fitAttributes } from './fit-attributes.ts'

type IssuedX509 = Awaited<ReturnType<SvidIssuer['issueX509']>>
type IssuedJwt = Awaited<ReturnType<SvidIssuer['issueJwt']>>

interface X509Request {
  readonly claim: object
  readonly publicKey: Buffer
}

interface JwtRequest {
  readonly claim: object
  readonly audience: readonly string[]
}

interface BatchingIssuerDeps {
  /** @throws RpcError while there is no connection */
  readonly client: () => AuthorityClient
  /** Called when the authority has a change that this agent has not received yet. */
  readonly onStale: () => void
  readonly clock: Clock
}

const DEADLINE_MS = 10_000
/** As many as can be reissued after a change of CA. */
const MAX_X509_OF_USER = 16_384
const MAX_JWT_OF_USER = 4_096
/** Smaller than for certificates: tokens are requested in floods, certificates once per identity. */
const MAX_JWT_BATCH = 64

/**
 * Requests SVIDs from the authority. Requests of one turn of the loop share a call; each has its
 * own result.
 */
export class BatchingIssuer implements SvidIssuer {
  readonly #deps: BatchingIssuerDeps
  readonly #x509: Batcher<X509Request, IssuedX509>
  readonly #jwt: Batcher<JwtRequest, IssuedJwt>
  /** All requests of a caller share one attributes object, so its JSON is cached. */
  readonly #attributesJson = new WeakMap<Attributes, string>()

  constructor(deps: BatchingIssuerDeps) {
    this.#deps = deps
    const { clock } = deps
    const issueX509 = async (requests: readonly X509Request[]): Promise<(IssuedX509 | RpcError)[]> => {
      const { results } = await this.#call<IssueX509SvidsResponse__Output>('IssueX509Svids', requests)
      return results.map(({ issued, error }): IssuedX509 | RpcError =>
        issued
          ? { chain: issued.chain, notBefore: Number(issued.notBefore), notAfter: Number(issued.notAfter) }
          : this.#failure(error),
      )
    }
    this.#x509 = new Batcher<X509Request, IssuedX509>({
      clock,
      call: issueX509,
      maxOfUser: MAX_X509_OF_USER,
      batchSize: MAX_BATCH_SIZE,
    })
    const issueJwt = async (requests: readonly JwtRequest[]): Promise<(IssuedJwt | RpcError)[]> => {
      const { results } = await this.#call<IssueJwtSvidsResponse__Output>('IssueJwtSvids', requests)
      return results.map(({ issued, error }): IssuedJwt | RpcError =>
        issued
          ? { token: issued.token, issuedAt: Number(issued.issuedAt), expiresAt: Number(issued.expiresAt) }
          : this.#failure(error),
      )
    }
    this.#jwt = new Batcher<JwtRequest, IssuedJwt>({
      clock,
      call: issueJwt,
      maxOfUser: MAX_JWT_OF_USER,
      batchSize: MAX_JWT_BATCH,
    })
  }

  issueX509(claim: IdentityClaim, publicKeyDer: Buffer): Promise<IssuedX509> {
    const request = { claim: this.#message(claim), publicKey: publicKeyDer }
    return this.#x509.ask(request, askingUser(claim.workloadAttributes))
  }

  issueJwt(claim: IdentityClaim, audience: readonly string[]): Promise<IssuedJwt> {
    return this.#jwt.ask({ claim: this.#message(claim), audience }, askingUser(claim.workloadAttributes))
  }

  async #call<Res extends object>(method: string, requests: readonly object[]): Promise<Res> {
    try {
      const options = { deadlineMs: DEADLINE_MS }
      return await this.#deps
        .client()
        .unary<object, Res>('signet.v1.IssuanceService', method, { requests }, options)
    } catch (error) {
      if (error instanceof RpcError && error.status === StatusCode.FAILED_PRECONDITION) this.#deps.onStale()
      throw error
    }
  }

  #failure(error: IssueError__Output | null | undefined): RpcError {
    const status = error?.code || StatusCode.INTERNAL
    if (status === StatusCode.FAILED_PRECONDITION) this.#deps.onStale()
    return new RpcError(status, error?.message || 'the authority gave no reason')
  }

  #message(claim: IdentityClaim): object {
    const { workloadIdentity, revision, spiffeId, workloadAttributes, asked } = claim
    let workloadAttributesJson = this.#attributesJson.get(workloadAttributes)
    if (workloadAttributesJson === undefined) {
      workloadAttributesJson = fitAttributes(workloadAttributes)
      this.#attributesJson.set(workloadAttributes, workloadAttributesJson)
    }
    return { workloadIdentity, revision, spiffeId, workloadAttributesJson, ...askedMessage(asked) }
  }
}

function askedMessage({ occasion, holders, askedMs }: Asked): object {
  if (occasion === 'call') return { occasion: 'OCCASION_CALL' }
  return { occasion: 'OCCASION_RENEWAL', holders, askedMs: String(Math.floor(askedMs)) }
}
