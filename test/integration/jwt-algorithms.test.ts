import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { status } from '@grpc/grpc-js'
import { createLocalJWKSet, decodeProtectedHeader, type JWK, jwtVerify } from 'jose'
import { identityFor, Stack } from '../support/stack.ts'
import type { Message, WorkloadClient } from '../support/workload-client.ts'

const UID = process.getuid?.() ?? 0
const STS = 'sts.amazonaws.com'
const BY_AUDIENCE = `jwt: { by_audience: { ${STS}: RS256, partner.example: ES384 } }\n`

/** The JWK Set of the trust domain, from FetchJWTBundles. */
async function jwks(client: WorkloadClient): Promise<{ keys: JWK[] }> {
  const { bundles } = await client.first('FetchJWTBundles')
  return JSON.parse(bundles['spiffe://example.org'].toString()) as { keys: JWK[] }
}

async function token(client: WorkloadClient, ...audience: string[]): Promise<string> {
  const { svids } = (await client.unary('FetchJWTSVID', { audience })) as Message
  return svids[0].svid
}

const algorithmOf = (svid: string): unknown => decodeProtectedHeader(svid).alg

describe('JWT-SVIDs of several algorithms', () => {
  let stack: Stack
  let client: WorkloadClient
  before(async () => {
    stack = await Stack.start({ inProcess: true, authorityYaml: BY_AUDIENCE })
    await stack.apply(identityFor(UID))
    client = stack.client()
    using stream = client.stream('FetchX509SVID')
    await stream.until(({ svids }) => svids.length === 1)
  })
  after(async () => {
    client?.[Symbol.dispose]()
    await stack?.[Symbol.asyncDispose]()
  })

  for (const [audiences, algorithm] of [
    [['a'], 'ES256'],
    [[STS], 'RS256'],
    [['partner.example'], 'ES384'],
    [['a', STS], 'RS256'],
  ] as const) {
    it(`are signed with ${algorithm} for ${audiences.join(' and ')}, and another library verifies them`, async () => {
      const svid = await token(client, ...audiences)
      const keySet = createLocalJWKSet(await jwks(client))
      const { protectedHeader, payload } = await jwtVerify(svid, keySet, { audience: audiences[0] })
      assert.equal(protectedHeader.alg, algorithm)
      assert.equal(payload.sub, 'spiffe://example.org/web')
      const { spiffeId } = await client.unary('ValidateJWTSVID', { audience: audiences[0], svid })
      assert.equal(spiffeId, 'spiffe://example.org/web')
    })
  }

  it('cannot be for audiences that need different algorithms', async () => {
    await assert.rejects(token(client, STS, 'partner.example'), {
      code: status.INVALID_ARGUMENT,
      details: 'these audiences cannot share a token: ask for one at a time',
    })
    const refused = await stack.admin('audit', 'list', '--event', 'svid.refused', '--json')
    assert.match(refused.stdout, /different algorithms/)
  })

  it('have a key of each type in the JWKS and in the authority’s bundle', async () => {
    const kinds = (keys: readonly JWK[]) => keys.map(({ kty, crv }) => `${kty} ${crv ?? ''}`).sort()
    const expected = ['EC P-256', 'EC P-384', 'RSA ']
    assert.deepEqual(kinds((await jwks(client)).keys), expected)
    assert.ok((await jwks(client)).keys.every(({ kid }) => kid))
  })

  it('are listed separately by ca list and rotated one by one', async () => {
    type Listed = readonly { purpose: string; algorithm: string; state: string; keyId: string }[]
    const kid = decodeProtectedHeader(await token(client, STS)).kid
    const args = ['ca', 'rotate', 'jwt', '--algorithm', 'RS256', '--now', '--json']
    const cas = JSON.parse((await stack.admin(...args)).stdout) as Listed
    const jwt = cas.filter(({ purpose }) => purpose === 'jwt')
    const shown = jwt.map(({ algorithm, state }) => `${algorithm} ${state}`).sort()
    assert.deepEqual(shown, ['ES256 active', 'ES384 active', 'RS256 active', 'RS256 retired'])
    const active = jwt.find(({ algorithm, state }) => algorithm === 'RS256' && state === 'active')
    assert.notEqual(active?.keyId, kid)
    // It is replaced when it is requested.
    while (decodeProtectedHeader(await token(client, STS)).kid !== active?.keyId) {}
    const listed = await stack.admin('ca', 'list')
    assert.match(listed.stdout, /^PURPOSE +ALGORITHM +STATE/)
    assert.match(listed.stdout, /^jwt +RS256 +active/m)
  })
})

describe('a change of the JWT algorithms in authority.yaml', () => {
  async function restart(stack: Stack, jwt: string): Promise<void> {
    await stack.authority.stop()
    const text = (await readFile(stack.authorityConfig, 'utf8')).replace(/^jwt:.*\n/m, '')
    await writeFile(stack.authorityConfig, text + jwt)
    const from = stack.agent.log.length
    await stack.startAuthority()
    await stack.agent.says(/"event":"sync\.restored"/, from)
  }

  it('publishes the new key first, and lets it sign when an administrator says so or its time has come', async () => {
    await using stack = await Stack.start({ inProcess: true })
    await stack.apply(identityFor(UID))
    using client = stack.client()
    using x509 = client.stream('FetchX509SVID')
    await x509.until(({ svids }) => svids.length === 1)
    using bundles = client.stream('FetchJWTBundles', {}, { deadlineMs: 120_000 })
    const keysIn = ({ bundles }: Message): JWK[] =>
      JSON.parse(bundles['spiffe://example.org'].toString()).keys
    const old = await token(client, 'first')

    await restart(stack, BY_AUDIENCE)
    await bundles.until((message) => keysIn(message).length === 3)
    assert.equal(algorithmOf(await token(client, STS)), 'ES256')
    await stack.admin('ca', 'rotate', 'jwt', '--algorithm', 'RS256', '--now')
    // An agent replaces a cached token whose key is still in use by half of its life. Other audiences
    // need a new token.
    assert.equal(algorithmOf(await token(client, STS, 'new')), 'RS256')

    await restart(stack, 'jwt: { algorithm: RS256 }\n')
    // A cached token whose key no longer signs is replaced when it is requested.
    while (algorithmOf(await token(client, 'first')) !== 'RS256') {}
    const keySet = createLocalJWKSet(await jwks(client))
    // What the retired key signed is valid until it expires.
    await jwtVerify(old, keySet, { audience: 'first' })
  })
})
