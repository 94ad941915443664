import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { IdentityClaim } from '../../../../src/agent/svid-cache/svid-issuer.ts'
import type { AuthorityClient } from '../../../../src/agent/uplink/authority-door.ts'
import { BatchingIssuer } from '../../../../src/agent/uplink/batching-issuer.ts'
import { RpcError, StatusCode } from '../../../../src/rpc/status.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const ASKED = { occasion: 'call', holders: 0, askedMs: 0 } as const

const CLAIM: IdentityClaim = {
  workloadIdentity: 'web',
  revision: '1',
  spiffeId: 'spiffe://example.org/web',
  keyType: 'ec-p256',
  asked: ASKED,
  workloadAttributes: { unix: { uid: 1000 } },
}

function issuer(answer: (method: string, request: { requests: readonly object[] }) => object) {
  let stale = 0
  const client = {
    unary: async (_service: string, method: string, request: { requests: readonly object[] }) =>
      answer(method, request),
  } as unknown as AuthorityClient
  return {
    issuer: new BatchingIssuer({
      clock: new FakeClock(),
      client: () => client,
      onStale: () => {
        stale += 1
      },
    }),
    get stale() {
      return stale
    },
  }
}

describe('BatchingIssuer', () => {
  it('sends the claim with the attributes as JSON and reads numbers back', async () => {
    let seen: unknown
    const { issuer: made } = issuer((_method, request) => {
      seen = request.requests
      return { results: [{ issued: { token: 't', issuedAt: '5', expiresAt: '9' } }] }
    })
    assert.deepEqual(await made.issueJwt(CLAIM, ['a']), { token: 't', issuedAt: 5, expiresAt: 9 })
    const { workloadAttributes, keyType: _, asked: _asked, ...rest } = CLAIM
    const workloadAttributesJson = JSON.stringify(workloadAttributes)
    const claim = { ...rest, workloadAttributesJson, occasion: 'OCCASION_CALL' }
    assert.deepEqual(seen, [{ claim, audience: ['a'] }])
  })

  it('turns the error of one element into its status, and requests a resync when the claim was stale', async () => {
    const made = issuer(() => ({
      results: [
        { error: { code: StatusCode.PERMISSION_DENIED, message: 'refused, reference 7F3K' } },
        { error: { code: StatusCode.FAILED_PRECONDITION, message: 'changed' } },
      ],
    }))
    const key = Buffer.alloc(0)
    const [refused, stale] = await Promise.allSettled([
      made.issuer.issueX509(CLAIM, key),
      made.issuer.issueX509(CLAIM, key),
    ])
    assert.equal((refused as PromiseRejectedResult).reason.status, StatusCode.PERMISSION_DENIED)
    assert.equal((stale as PromiseRejectedResult).reason.status, StatusCode.FAILED_PRECONDITION)
    assert.equal(made.stale, 1)
  })

  it('is UNAVAILABLE while there is no authority', async () => {
    const made = new BatchingIssuer({
      clock: new FakeClock(),
      client: () => {
        throw new RpcError(StatusCode.UNAVAILABLE, 'not joined yet')
      },
      onStale: () => undefined,
    })
    await assert.rejects(made.issueJwt(CLAIM, ['a']), { status: StatusCode.UNAVAILABLE })
  })
})
