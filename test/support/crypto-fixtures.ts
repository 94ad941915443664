import { createCaCertificate } from '../../src/crypto/ca-certificate.ts'
import { generateKeyPair, type KeyAlgorithm, type KeyPair } from '../../src/crypto/keys.ts'
import { type LeafInput, randomSerial, SigningCa } from '../../src/crypto/signing-ca.ts'
import { FakeRandom } from '../fakes/fake-random.ts'

/** A fixed time: 2026-06-01T00:00:00Z. */
export const NOW = Date.UTC(2026, 5) / 1000
export const DAY = 86_400

export interface TestCa {
  readonly key: KeyPair
  readonly der: Buffer
  readonly ca: SigningCa
}

interface TestCaInput {
  readonly name?: string
  readonly algorithm?: Exclude<KeyAlgorithm, 'ed25519'>
  readonly parent?: TestCa
  readonly pathLength?: number
  readonly uriSan?: string
  readonly notBefore?: number
  readonly notAfter?: number
}

const random = new FakeRandom('certificates')

export async function createTestCa(input: TestCaInput = {}): Promise<TestCa> {
  const key = await generateKeyPair(input.algorithm)
  const parent = input.parent
  const der = await createCaCertificate({
    subject: { commonName: input.name ?? 'Test CA', organization: 'Signet' },
    publicKeyDer: key.publicKeyDer,
    signer: parent
      ? { certificateDer: parent.der, privateKey: parent.key.privateKey }
      : { privateKey: key.privateKey },
    notBefore: new Date((input.notBefore ?? NOW - DAY) * 1000),
    notAfter: new Date((input.notAfter ?? NOW + 30 * DAY) * 1000),
    serial: randomSerial(random),
    ...(input.pathLength === undefined ? {} : { pathLength: input.pathLength }),
    ...(input.uriSan === undefined ? {} : { uriSan: input.uriSan }),
  })
  return { key, der, ca: new SigningCa(der, key.privateKey) }
}

/** Signs a leaf certificate, by default one that is an X.509-SVID. */
export function signTestLeaf({ ca }: TestCa, publicKeyDer: Buffer, input: Partial<LeafInput> = {}): Buffer {
  return ca.signLeaf({
    serial: randomSerial(random),
    publicKeyDer,
    notBefore: NOW - 60,
    notAfter: NOW + 3600,
    uriSan: 'spiffe://example.org/web',
    extKeyUsages: ['serverAuth', 'clientAuth'],
    ...input,
  })
}
