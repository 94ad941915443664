import { JwsSigner } from '../../src/crypto/jws.ts'
import { generateKeyPair } from '../../src/crypto/keys.ts'
import { Bundle } from '../../src/spiffe/bundle.ts'
import { createTestCa, NOW } from './crypto-fixtures.ts'

/** A trust domain with one CA and one JWT key. */
export async function createTestTrustDomain(trustDomain = 'example.org') {
  const ca = await createTestCa({ name: trustDomain, uriSan: `spiffe://${trustDomain}`, pathLength: 0 })
  const jwtKey = await generateKeyPair()
  const bundle = Bundle.of({
    trustDomain,
    x509Authorities: [ca.der],
    jwtAuthorities: [{ kid: 'k1', publicKeyDer: jwtKey.publicKeyDer }],
    sequence: 2n ** 53n + 1n,
    refreshHintSeconds: 60,
  })
  const signer = new JwsSigner({ alg: 'ES256', kid: 'k1', typ: 'JWT', privateKey: jwtKey.privateKey })
  const claims = { sub: `spiffe://${trustDomain}/web`, aud: ['db'], iat: NOW, nbf: NOW - 60, exp: NOW + 300 }
  return { ca, jwtKey, bundle, signer, claims }
}
