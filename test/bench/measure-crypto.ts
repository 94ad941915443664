import { createCaCertificate } from '../../src/crypto/ca-certificate.ts'
import { JwsSigner } from '../../src/crypto/jws.ts'
import { generateKeyPair } from '../../src/crypto/keys.ts'
import { randomSerial, SigningCa } from '../../src/crypto/signing-ca.ts'
import { systemRandom } from '../../src/foundation/random.ts'
import type { Figure } from './figure.ts'

/** Signatures of one core in one process, without anything else. */
export async function measureCrypto(seconds: number): Promise<Figure[]> {
  const caKeys = await generateKeyPair()
  const { publicKeyDer } = await generateKeyPair()
  const now = Math.floor(Date.now() / 1000)
  const certificate = await createCaCertificate({
    subject: { organization: 'bench' },
    publicKeyDer: caKeys.publicKeyDer,
    signer: { privateKey: caKeys.privateKey },
    notBefore: new Date((now - 60) * 1000),
    notAfter: new Date((now + 86_400) * 1000),
    pathLength: 0,
    uriSan: 'spiffe://bench.example',
    serial: randomSerial(systemRandom),
  })
  const ca = new SigningCa(certificate, caKeys.privateKey)
  const signer = new JwsSigner({ alg: 'ES256', kid: 'bench', typ: 'JWT', privateKey: caKeys.privateKey })
  return [
    {
      what: 'X.509-SVIDs signed in one process',
      unit: '/s',
      value: rate(seconds, () =>
        ca.signLeaf({
          serial: randomSerial(systemRandom),
          publicKeyDer,
          notBefore: now - 60,
          notAfter: now + 3600,
          uriSan: 'spiffe://bench.example/svc/payments',
          dnsSans: ['payments.internal'],
          extKeyUsages: ['serverAuth', 'clientAuth'],
        }),
      ),
    },
    {
      what: 'JWT-SVIDs signed in one process',
      unit: '/s',
      value: rate(seconds, () =>
        signer.sign({
          sub: 'spiffe://bench.example/svc/payments',
          aud: ['bench'],
          iat: now,
          exp: now + 300,
          jti: 'bench',
        }),
      ),
    },
  ]
}

function rate(seconds: number, task: () => unknown): number {
  for (let n = 0; n < 2000; n++) task() // until the code is compiled
  const begun = performance.now()
  const end = begun + seconds * 1000
  let n = 0
  while (performance.now() < end) {
    for (let m = 0; m < 100; m++) task()
    n += 100
  }
  return (n / (performance.now() - begun)) * 1000
}
