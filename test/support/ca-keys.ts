import type { KeysInUse } from '../../src/authority/keys/keys-in-use.ts'
import { JwsSigner } from '../../src/crypto/jws.ts'
import { generateKeyPair } from '../../src/crypto/keys.ts'
import type { SigningCa } from '../../src/crypto/signing-ca.ts'
import { Bundle } from '../../src/spiffe/bundle.ts'
import { createTestCa, DAY, NOW } from './crypto-fixtures.ts'

/** The parts of the authority's keys that issuance and sync need, valid around `NOW`. */
export type CaKeys = Pick<
  KeysInUse,
  | 'bundle'
  | 'signer'
  | 'jwt'
  | 'jwtSigners'
  | 'activeX509KeyId'
  | 'activeJwtKeyId'
  | 'activeJwtKeyIds'
  | 'taintedKeyIds'
>

export async function createCaKeys(notAfter = NOW + 30 * DAY): Promise<CaKeys> {
  const x509: SigningCa = (await createTestCa({ uriSan: 'spiffe://example.org', notAfter })).ca
  const { privateKey, publicKeyDer } = await generateKeyPair()
  const kid = 'jwt-1'
  const jwt = Object.assign(new JwsSigner({ alg: 'ES256', kid, typ: 'JWT', privateKey }), { notAfter })
  const bundle = Bundle.of({
    trustDomain: 'example.org',
    x509Authorities: [x509.certificateDer],
    jwtAuthorities: [{ kid, publicKeyDer }],
  })
  const jwtSigners = new Map([['ES256', jwt] as const])
  const active = { activeX509KeyId: x509.keyId, activeJwtKeyId: kid, activeJwtKeyIds: [kid] }
  return { bundle, signer: () => x509, jwt, jwtSigners, ...active, taintedKeyIds: [] }
}
