import { exportPkcs8, generateKeyPair, type KeyPair } from '../../src/crypto/keys.ts'
import type { LeafInput } from '../../src/crypto/signing-ca.ts'
import { createTestCa, DAY, signTestLeaf, type TestCa } from './crypto-fixtures.ts'

/** An X509SVID message of the Workload API. */
export interface SentSvid {
  readonly spiffeId: string
  readonly x509Svid: Buffer
  readonly x509SvidKey: Buffer
  readonly bundle: Buffer
  readonly hint: string
}

export const nowSeconds = (): number => Math.floor(Date.now() / 1000)

/** A trust domain valid today that signs anything for a test. */
export class TestDomain {
  readonly name: string
  readonly #cas: TestCa[]

  private constructor(name: string, ca: TestCa) {
    this.name = name
    this.#cas = [ca]
  }

  static async create(name = 'example.org'): Promise<TestDomain> {
    return new TestDomain(name, await makeCa(name))
  }

  get ca(): TestCa {
    return this.#cas[0] as TestCa
  }

  /** Activates a new CA. The old one stays in the bundle. */
  async rotateCa(): Promise<void> {
    this.#cas.unshift(await makeCa(this.name))
  }

  get bundle(): Buffer {
    return Buffer.concat(this.#cas.map(({ der }) => der))
  }

  idOf(path: string): string {
    return `spiffe://${this.name}${path}`
  }

  async issue(path: string, leaf: Partial<LeafInput> = {}, key?: KeyPair): Promise<SentSvid> {
    const { privateKey, publicKeyDer } = key ?? (await generateKeyPair())
    const now = nowSeconds()
    const life = { notBefore: now - 60, notAfter: now + 3600 }
    return {
      spiffeId: this.idOf(path),
      x509Svid: signTestLeaf(this.ca, publicKeyDer, { uriSan: this.idOf(path), ...life, ...leaf }),
      x509SvidKey: exportPkcs8(privateKey),
      bundle: this.bundle,
      hint: '',
    }
  }
}

function makeCa(name: string): Promise<TestCa> {
  const now = nowSeconds()
  return createTestCa({
    name,
    uriSan: `spiffe://${name}`,
    notBefore: now - DAY,
    notAfter: now + 30 * DAY,
  })
}
