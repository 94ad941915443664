import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { status } from '@grpc/grpc-js'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { identityFor, Stack } from '../support/stack.ts'
import type { Ended, Message, WorkloadClient } from '../support/workload-client.ts'
import { needsTwoUsers, WorkloadProcess } from '../support/workload-process.ts'

const UID = process.getuid?.() ?? 0

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const decode = (part = ''): Message => JSON.parse(Buffer.from(part, 'base64url').toString())

describe('the JWT profile of the Workload API', () => {
  let stack: Stack
  let client: WorkloadClient
  let token: string

  const fetch = async (request: object): Promise<Message> => client.unary('FetchJWTSVID', request)
  const fails = async (method: string, request: object): Promise<Ended> =>
    client.unary(method, request).then(
      () => ({ code: status.OK, details: '' }),
      ({ code, details }: Ended) => ({ code, details }),
    )
  const validate = (svid: string, audience = 'a'): Promise<Ended> =>
    fails('ValidateJWTSVID', { svid, audience })

  before(async () => {
    stack = await Stack.start({ inProcess: true })
    await stack.apply(
      [
        identityFor(UID, 'a', '  jwt: { extra_claims: { team: "pay" } }'),
        identityFor(UID, 'b', '  hint: second'),
      ].join('---'),
    )
    client = stack.client()
    using stream = client.stream('FetchX509SVID')
    await stream.until(({ svids }) => svids.length === 2)
    token = (await fetch({ audience: ['a'], spiffeId: 'spiffe://example.org/a' })).svids[0].svid
  })
  after(async () => {
    client?.[Symbol.dispose]()
    await stack?.[Symbol.asyncDispose]()
  })

  it('WLAPI-40, JWTI-07, interop 8: aud is an array of exactly the requested audiences', async () => {
    for (const audience of [['a'], ['a', 'b'], ['b', 'a', 'c']]) {
      const { svids } = await fetch({ audience })
      for (const { svid } of svids) {
        const { aud } = decode(svid.split('.')[1])
        assert.ok(Array.isArray(aud))
        assert.deepEqual([...aud].sort(), [...audience].sort())
      }
    }
  })

  it('JWTI-08: tokens requested one after another have one audience each', async () => {
    for (const audience of ['x', 'y', 'x']) {
      const { svids } = await fetch({ audience: [audience] })
      for (const { svid } of svids) assert.deepEqual(decode(svid.split('.')[1]).aud, [audience])
    }
  })

  it('WLAPI-41, WLAPI-43: without an ID the response has one token for each identity', async () => {
    const { svids } = await fetch({ audience: ['a'] })
    assert.deepEqual(
      svids.map((svid: Message) => [svid.spiffeId, svid.hint]),
      [
        ['spiffe://example.org/a', ''],
        ['spiffe://example.org/b', 'second'],
      ],
    )
    assert.ok(svids.every((svid: Message) => svid.svid !== ''))
  })

  it('WLAPI-42: with an ID the response has that one only', async () => {
    const { svids } = await fetch({ audience: ['a'], spiffeId: 'spiffe://example.org/b' })
    assert.deepEqual(
      svids.map((svid: Message) => svid.spiffeId),
      ['spiffe://example.org/b'],
    )
    assert.equal(decode(svids[0].svid.split('.')[1]).sub, 'spiffe://example.org/b')
  })

  it('WLAPI-44, ID-16: an ID that is not the caller’s is PERMISSION_DENIED, even if only the case differs', async () => {
    for (const spiffeId of ['spiffe://example.org/other', 'spiffe://example.org/A', 'spiffe://other.org/a']) {
      assert.equal(
        (await fails('FetchJWTSVID', { audience: ['a'], spiffeId })).code,
        status.PERMISSION_DENIED,
      )
    }
  })

  it('WLAPI-44: a caller without any identity gets PERMISSION_DENIED', { skip: needsTwoUsers }, async () => {
    await using stranger = new WorkloadProcess({
      socket: stack.socket,
      method: 'FetchJWTSVID',
      request: { audience: ['a'] },
      uid: 60_031,
    })
    assert.deepEqual(await stranger.outcome(), {
      event: 'ended',
      code: status.PERMISSION_DENIED,
      details: 'no identity issued',
    })
  })

  for (const [clause, request] of [
    ['WLAPI-09', {}],
    ['WLAPI-09', { audience: [] }],
    ['WLAPI-46', { audience: [''] }],
    ['WLAPI-46', { audience: ['a', ''] }],
    ['WLAPI-45', { audience: ['a'], spiffeId: 'foo' }],
    ['WLAPI-45', { audience: ['a'], spiffeId: 'spiffe://example.org//a' }],
  ] as const) {
    it(`${clause}: FetchJWTSVID of ${JSON.stringify(request)} is INVALID_ARGUMENT`, async () => {
      assert.equal((await fails('FetchJWTSVID', request)).code, status.INVALID_ARGUMENT)
    })
  }

  it('WLAPI-09: ValidateJWTSVID without a token or an audience is INVALID_ARGUMENT', async () => {
    for (const request of [{}, { audience: 'a' }, { svid: token }]) {
      assert.equal((await fails('ValidateJWTSVID', request)).code, status.INVALID_ARGUMENT)
    }
  })

  it('JWTI-01 to JWTI-06, JWTI-09, JWTI-10, interop 8: the token is as the JWT-SVID document requires', async () => {
    const parts = token.split('.')
    assert.equal(parts.length, 3)
    for (const part of parts) assert.match(part, /^[A-Za-z0-9_-]+$/)
    const header = decodeProtectedHeader(token)
    assert.deepEqual(Object.keys(header).sort(), ['alg', 'kid', 'typ'])
    assert.equal(header.alg, 'ES256')
    assert.equal(header.typ, 'JWT')
    const claims = decode(parts[1])
    assert.equal(claims.sub, 'spiffe://example.org/a')
    assert.equal(claims.team, 'pay')
    assert.ok(claims.exp > Date.now() / 1000 && Number.isInteger(claims.exp))
    assert.ok(claims.iat <= Date.now() / 1000 && Number.isInteger(claims.iat))
    assert.equal(claims.iat - claims.nbf, 60) // iat is true; nbf allows for clocks that are behind
  })

  it('ENC-08, T-21, JWTI-04, WLAPI-47, WLAPI-48, BND-16, BND-18: the JWT bundle is a JWK Set of JWT keys only, and verifies the token', async () => {
    const { bundles } = await client.first('FetchJWTBundles')
    const jwks = JSON.parse(bundles['spiffe://example.org'].toString('utf8'))
    assert.ok(Array.isArray(jwks.keys) && jwks.keys.length > 0)
    assert.ok(jwks.keys.every((key: Message) => key.kid && key.use === undefined && !key.x5c && !key.d))
    assert.equal(new Set(jwks.keys.map((key: Message) => key.kid)).size, jwks.keys.length)
    await jwtVerify(token, createLocalJWKSet(jwks), { audience: 'a', subject: 'spiffe://example.org/a' })
  })

  it('WLAPI-49: JWT bundles are only for callers with an identity', { skip: needsTwoUsers }, async () => {
    await using stranger = new WorkloadProcess({
      socket: stack.socket,
      method: 'FetchJWTBundles',
      uid: 60_032,
    })
    const said = await stranger.outcome()
    assert.equal(said.event === 'ended' && said.code, status.PERMISSION_DENIED)
  })

  it('WLAPI-52, WLAPI-53: a valid token returns its ID and its claims, with aud as a list', async () => {
    const { spiffeId, claims } = await client.unary('ValidateJWTSVID', { svid: token, audience: 'a' })
    assert.equal(spiffeId, 'spiffe://example.org/a')
    assert.equal(claims.fields.sub.stringValue, 'spiffe://example.org/a')
    assert.equal(claims.fields.team.stringValue, 'pay')
    assert.ok(claims.fields.exp.numberValue > 0)
    assert.deepEqual(
      claims.fields.aud.listValue.values.map((value: Message) => value.stringValue),
      ['a'],
    )
  })

  it('JWTV-03: refuses a token for another audience', async () => {
    assert.equal((await validate(token, 'other')).code, status.INVALID_ARGUMENT)
  })

  describe('WLAPI-50, T-64: ValidateJWTSVID refuses', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const exp = Math.floor(Date.now() / 1000) + 300
    const good = { sub: 'spiffe://example.org/a', aud: ['a'], exp, iat: exp - 400 }
    const signed = (header: object, claims: object | string): string => {
      const input = `${encode(header)}.${encode(claims)}`
      return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
    }
    const forgeries: Readonly<Record<string, (kid: string) => string>> = {
      'JWTV-01: two parts': () => token.split('.').slice(0, 2).join('.'),
      'JWTV-01: four parts': () => `${token}.AAAA`,
      'JWTV-01: JSON serialization': () => {
        const [header, payload, signature] = token.split('.')
        return JSON.stringify({ protected: header, payload, signature })
      },
      'JWTV-02: alg none': (kid) => `${encode({ alg: 'none', kid, typ: 'JWT' })}.${encode(good)}.`,
      'JWTV-02: HS256 keyed with the public key': (kid) => {
        const input = `${encode({ alg: 'HS256', kid, typ: 'JWT' })}.${encode(good)}`
        const key = publicKey.export({ type: 'spki', format: 'pem' })
        return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
      },
      'JWTV-02: alg in lower case': (kid) => signed({ alg: 'es256', kid, typ: 'JWT' }, good),
      'JWTV-02: no alg': (kid) => signed({ kid, typ: 'JWT' }, good),
      'a signature by another key': (kid) => signed({ alg: 'ES256', kid, typ: 'JWT' }, good),
      'an unknown kid': () => signed({ alg: 'ES256', kid: 'unknown', typ: 'JWT' }, good),
      'WLAPI-51, SVID-05: a subject of another trust domain': (kid) =>
        signed({ alg: 'ES256', kid, typ: 'JWT' }, { ...good, sub: 'spiffe://other.org/a' }),
      'a changed claim': () => {
        const [header, payload, signature] = token.split('.')
        return `${header}.${encode({ ...decode(payload), sub: 'spiffe://example.org/root' })}.${signature}`
      },
      'a changed signature': () => `${token.slice(0, -8)}AAAAAAAA`,
      'padded base64url': () => `${token}=`,
      'a payload that is not JSON': (kid) => signed({ alg: 'ES256', kid, typ: 'JWT' }, 'not json'),
      'an empty string': () => ' ',
      'a string as long as a request may be': () => 'x'.repeat(120_000),
    }
    for (const [what, forge] of Object.entries(forgeries)) {
      it(what, async () => {
        const kid = decodeProtectedHeader(token).kid ?? ''
        const { code, details } = await validate(forge(kid))
        assert.equal(code, status.INVALID_ARGUMENT)
        assert.ok(details.length < 200, 'the answer does not echo the token')
      })
    }
  })
})
