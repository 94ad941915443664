import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Serving, startServing } from '../support/serving.ts'
import { ID, INVALID_ARGUMENT, NOBODY, PERMISSION_DENIED, SHOP, WEB } from '../support/workload-calls.ts'
import { WorkloadClient } from '../support/workload-client.ts'

describe('FetchJWTSVID', () => {
  const claimsOf = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

  it('gives one token for each identity, for exactly the audiences asked', async () => {
    await using serving = await startServing({ identities: { web: { ...WEB, hint: 'w' }, shop: SHOP } })
    using client = new WorkloadClient(serving.socket)
    const { svids } = await client.unary('FetchJWTSVID', { audience: ['b', 'a', 'b'] })
    assert.deepEqual(
      svids.map((svid: { spiffeId: string; hint: string }) => [svid.spiffeId, svid.hint]),
      [
        ['spiffe://example.org/shop', ''],
        [ID, 'w'],
      ],
    )
    assert.deepEqual(claimsOf(svids[1].svid).aud, ['a', 'b'])
    assert.equal(claimsOf(svids[1].svid).sub, ID)
  })

  it('gives the identity that is asked for', async () => {
    await using serving = await startServing({ identities: { web: WEB, shop: SHOP } })
    using client = new WorkloadClient(serving.socket)
    const { svids } = await client.unary('FetchJWTSVID', { audience: ['a'], spiffeId: ID })
    assert.deepEqual(
      svids.map((svid: { spiffeId: string }) => svid.spiffeId),
      [ID],
    )
  })

  describe('where identities limit their audiences', () => {
    const identities = {
      web: { ...WEB, jwt: { allowed_audiences: ['vault', 'a'] } },
      shop: { ...SHOP, jwt: { allowed_audiences: { glob: 'https://*.example.org/**' } } },
      none: { ...WEB, spiffe_id: '/none', jwt: { allowed_audiences: [] } },
    }
    const idsOf = async (serving: Serving, request: object): Promise<string[]> => {
      using client = new WorkloadClient(serving.socket)
      const { svids } = await client.unary('FetchJWTSVID', request)
      return svids.map((svid: { spiffeId: string }) => svid.spiffeId)
    }

    it('gives tokens of those that allow all that was asked for', async () => {
      await using serving = await startServing({ identities })
      assert.deepEqual(await idsOf(serving, { audience: ['vault'] }), [ID])
      assert.deepEqual(await idsOf(serving, { audience: ['a', 'vault'] }), [ID])
      const url = 'https://api.example.org/v1'
      assert.deepEqual(await idsOf(serving, { audience: [url] }), ['spiffe://example.org/shop'])
      assert.deepEqual(await idsOf(serving, { audience: ['a'], spiffeId: ID }), [ID])
    })

    for (const [what, request] of [
      ['for an audience that no identity allows', { audience: ['b'] }],
      ['for audiences that no identity allows together', { audience: ['a', 'https://api.example.org/v1'] }],
      ['of the identity that does not allow it', { audience: ['https://api.example.org/v1'], spiffeId: ID }],
      ['of one that allows none', { audience: ['a'], spiffeId: 'spiffe://example.org/none' }],
    ] as const) {
      it(`gives none ${what}, and asks the authority for none`, async () => {
        await using serving = await startServing({ identities })
        await assert.rejects(idsOf(serving, request), {
          code: PERMISSION_DENIED,
          details: 'no identity issued',
        })
        assert.deepEqual(serving.issuer.asked.jwt, [])
        const denied = serving.events.find(({ event }) => event === 'identity.denied')
        assert.equal(denied?.['reason'], 'audience_not_allowed')
      })
    }
  })

  it('answers from the cache, whatever the order of the audiences', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    const first = await client.unary('FetchJWTSVID', { audience: ['a', 'b'] })
    const second = await client.unary('FetchJWTSVID', { audience: ['b', 'a'] })
    assert.deepEqual(first, second)
    assert.equal(serving.issuer.asked.jwt.length, 1)
  })

  for (const [what, request] of [
    ['no audience', {}],
    ['an empty audience', { audience: [''] }],
    ['an empty audience among others', { audience: ['a', ''] }],
    ['an audience of 5 000 characters', { audience: ['x'.repeat(5_000)] }],
    ['more than 32 audiences', { audience: Array.from({ length: 33 }, (_, n) => `a${n}`) }],
    ['something that is no SPIFFE ID', { audience: ['a'], spiffeId: 'foo' }],
  ] as const) {
    it(`refuses ${what} with INVALID_ARGUMENT and does not repeat it`, async () => {
      await using serving = await startServing({ identities: { web: WEB } })
      using client = new WorkloadClient(serving.socket)
      const call = client.unary('FetchJWTSVID', request)
      await assert.rejects(call, ({ code, details }: { code: number; details: string }) => {
        assert.equal(code, INVALID_ARGUMENT)
        assert.doesNotMatch(details, /xxx|foo/)
        return true
      })
    })
  }

  it('refuses the SPIFFE ID of another caller', async () => {
    await using serving = await startServing({ identities: { web: WEB, nobody: NOBODY } })
    using client = new WorkloadClient(serving.socket)
    const call = client.unary('FetchJWTSVID', { audience: ['a'], spiffeId: 'spiffe://example.org/nobody' })
    await assert.rejects(call, { code: PERMISSION_DENIED, details: 'no identity issued' })
  })

  it('does not deliver a token whose identity was withdrawn while the authority signed it', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    serving.issuer.before = async () => serving.learn({}, {})
    await assert.rejects(client.unary('FetchJWTSVID', { audience: ['a'] }), { code: PERMISSION_DENIED })
  })

  it('does not answer from the cache once the identity is withdrawn', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    await client.unary('FetchJWTSVID', { audience: ['a'] })
    serving.learn({}, {})
    await assert.rejects(client.unary('FetchJWTSVID', { audience: ['a'] }), { code: PERMISSION_DENIED })
  })
})

describe('ValidateJWTSVID', () => {
  it('returns SPIFFE ID and claims of a good token, aud as a list', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    const [{ svid }] = (await client.unary('FetchJWTSVID', { audience: ['a'] })).svids
    const { spiffeId, claims } = await client.unary('ValidateJWTSVID', { audience: 'a', svid })
    assert.equal(spiffeId, ID)
    assert.equal(claims.fields.sub.stringValue, ID)
    assert.equal(claims.fields.aud.listValue.values[0].stringValue, 'a')
    assert.ok(claims.fields.exp.numberValue > 0)
  })

  it('refuses what is not valid with INVALID_ARGUMENT and does not repeat it', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    const [{ svid }] = (await client.unary('FetchJWTSVID', { audience: ['a'] })).svids
    for (const request of [
      { audience: 'b', svid },
      { audience: 'a', svid: `${svid.slice(0, -4)}AAAA` },
      { audience: 'a', svid: 'secret-looking-thing' },
      { audience: '', svid },
      { audience: 'a', svid: '' },
    ]) {
      await assert.rejects(
        client.unary('ValidateJWTSVID', request),
        (error: { code: number; details: string }) => {
          assert.equal(error.code, INVALID_ARGUMENT)
          assert.doesNotMatch(error.details, /secret|AAAA/)
          return true
        },
      )
    }
  })
})
