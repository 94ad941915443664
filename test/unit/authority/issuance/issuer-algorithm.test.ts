import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { JwtAlgorithms } from '../../../../src/authority/keys/jwt-algorithms.ts'
import type { JwtSigner } from '../../../../src/authority/keys/keys-in-use.ts'
import { JwsSigner, parseJws } from '../../../../src/crypto/jws.ts'
import {
  SIGNING_ALGORITHMS,
  SIGNING_KEYS,
  type SigningAlgorithm,
} from '../../../../src/crypto/jws-algorithm.ts'
import { generateKeyPair } from '../../../../src/crypto/keys.ts'
import { NOW } from '../../../support/crypto-fixtures.ts'
import { ACTOR, anyAnswer, CLAIM, createIssuer, INSTANCE, issued, keys } from '../../../support/issuer-rig.ts'

describe('the algorithm of a JWT-SVID', () => {
  const named = { ES384: 'partner', RS256: 'sts.amazonaws.com' } as const
  const byAudience = Object.fromEntries(
    Object.entries(named).map(([algorithm, audience]) => [audience, algorithm]),
  )
  const jwt = new JwtAlgorithms({
    algorithm: 'ES256',
    by_audience: byAudience as Record<string, SigningAlgorithm>,
  })
  const signers = new Map<SigningAlgorithm, JwtSigner>()
  before(async () => {
    for (const alg of SIGNING_ALGORITHMS) {
      const { privateKey } = await generateKeyPair(SIGNING_KEYS[alg])
      signers.set(alg, Object.assign(new JwsSigner({ alg, kid: alg, privateKey }), { notAfter: NOW + 3600 }))
    }
  })
  const create3 = () => createIssuer({ jwt, keys: () => ({ signer: keys.signer, jwtSigners: signers }) })
  const algorithmFor = async (...audience: string[]): Promise<unknown> => {
    const [outcome] = await create3().jwt(audience)
    const { header } = parseJws(issued(outcome).token)
    assert.equal(header['kid'], header['alg'])
    return header['alg']
  }

  it('is the usual one for audiences that are not configured', async () => {
    assert.equal(await algorithmFor('a', 'b'), 'ES256')
  })
  it('is the one of a named audience, also beside other audiences', async () => {
    assert.equal(await algorithmFor(named.RS256), 'RS256')
    assert.equal(await algorithmFor('a', named.ES384), 'ES384')
  })
  it('cannot be two at once: the agent is told, and the audit log has it', async () => {
    const { audited, jwt: ask } = create3()
    const [outcome] = await ask([named.RS256, named.ES384])
    assert.ok(outcome && 'error' in outcome)
    assert.equal(outcome.error.code, 'ERR_ISSUANCE_AUDIENCES_MIXED')
    assert.equal(audited[0]?.event, 'svid.refused')
  })
  it('may differ within a batch, whose outcomes are in the order of the requests', async () => {
    const audiences = Array.from({ length: 150 }, (_, n) => [
      [named.RS256, named.ES384, 'a'][n % 3] as string,
    ])
    const { issuer, audited } = create3()
    const outcomes = await issuer.issueJwt(
      ACTOR,
      INSTANCE,
      audiences.map((audience) => ({ claim: CLAIM, audience })),
      anyAnswer,
    )
    const found = outcomes.map((outcome) => {
      const { claims, header } = parseJws(issued(outcome).token)
      return [header['alg'], claims['aud']]
    })
    const wanted = audiences.map((audience, n) => [['RS256', 'ES384', 'ES256'][n % 3], audience])
    assert.deepEqual(found, wanted)
    assert.deepEqual(
      audited.map(({ detail }) => (detail as { alg: string }).alg),
      wanted.map(([alg]) => alg),
    )
  })
  it('lets a batch of one token be signed between the elements of a long one', async () => {
    const { issuer } = create3()
    const ask = (count: number) =>
      issuer.issueJwt(
        ACTOR,
        INSTANCE,
        Array.from({ length: count }, () => ({ claim: CLAIM, audience: [named.RS256] })),
        anyAnswer,
      )
    const ended: string[] = []
    const long = ask(100).then(() => ended.push('long'))
    const short = ask(1).then(() => ended.push('short'))
    await Promise.all([long, short])
    assert.deepEqual(ended, ['short', 'long'])
  })
  it('does not delay a lock that is set while it signs', async () => {
    let locked = false
    const { issuer } = createIssuer({
      jwt,
      keys: () => ({ signer: keys.signer, jwtSigners: signers }),
      lockOn: () => (locked ? { name: 'stop' } : undefined),
    })
    const asked = issuer.issueJwt(ACTOR, INSTANCE, [{ claim: CLAIM, audience: [named.RS256] }], anyAnswer)
    locked = true
    const [outcome] = await asked
    assert.ok(outcome && 'error' in outcome)
    assert.equal(outcome.error.code, 'ERR_REFUSED')
  })
})
