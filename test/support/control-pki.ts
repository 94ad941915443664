import { createCaCertificate } from '../../src/crypto/ca-certificate.ts'
import { generateKeyPair, type KeyPair, spkiSha256 } from '../../src/crypto/keys.ts'
import { randomSerial, SigningCa } from '../../src/crypto/signing-ca.ts'
import { systemRandom } from '../../src/foundation/random.ts'

const HOUR = 3_600

/** A control root with an issuing CA that signs leaf certificates for tests. */
export class ControlPki {
  readonly root: Buffer
  readonly issuing: SigningCa
  readonly pin: string
  readonly #nowSeconds: number

  private constructor(root: Buffer, issuing: SigningCa, pin: string, nowSeconds: number) {
    this.root = root
    this.issuing = issuing
    this.pin = pin
    this.#nowSeconds = nowSeconds
  }

  static async create(name = 'root'): Promise<ControlPki> {
    const nowSeconds = Math.floor((performance.timeOrigin + performance.now()) / 1000)
    const validity = {
      notBefore: new Date((nowSeconds - 24 * HOUR) * 1000),
      notAfter: new Date((nowSeconds + 24 * HOUR) * 1000),
    }
    const rootKey = await generateKeyPair()
    const root = await createCaCertificate({
      ...validity,
      subject: { commonName: name },
      publicKeyDer: rootKey.publicKeyDer,
      signer: { privateKey: rootKey.privateKey },
      pathLength: 1,
      serial: randomSerial(systemRandom),
    })
    const issuingKey = await generateKeyPair()
    const issuing = await createCaCertificate({
      ...validity,
      subject: { commonName: `${name} issuing` },
      publicKeyDer: issuingKey.publicKeyDer,
      signer: { certificateDer: root, privateKey: rootKey.privateKey },
      pathLength: 0,
      serial: randomSerial(systemRandom),
    })
    const pin = `sha256:${spkiSha256(rootKey.publicKeyDer)}`
    return new ControlPki(root, new SigningCa(issuing, issuingKey.privateKey), pin, nowSeconds)
  }

  /** Returns an authority's chain: leaf, issuing CA, root. Valid now, unless `validity` says otherwise. */
  async server(
    dnsName = 'authority.example.org',
    validity: { endedSeconds?: number; startsInSeconds?: number } = {},
  ): Promise<{ chain: Buffer[]; key: KeyPair['privateKey'] }> {
    const { endedSeconds, startsInSeconds } = validity
    const { leaf, key } = await this.#leaf({
      dnsSans: [dnsName],
      extKeyUsages: ['serverAuth'],
      ...(endedSeconds === undefined ? {} : { notAfter: this.#nowSeconds - endedSeconds }),
      ...(startsInSeconds === undefined ? {} : { notBefore: this.#nowSeconds + startsInSeconds }),
    })
    return { chain: [leaf, this.issuing.certificateDer, this.root], key }
  }

  /** Returns a bot's chain: leaf and issuing CA. With `endedSeconds`, it expired that long ago. */
  async bot(
    options: { endedSeconds?: number } = {},
  ): Promise<{ chain: Buffer[]; key: KeyPair['privateKey'] }> {
    const { leaf, key } = await this.#leaf({
      subject: { commonName: '01JBOT', organization: 'builder', serialNumber: '1' },
      extKeyUsages: ['clientAuth'],
      ...(options.endedSeconds === undefined ? {} : { notAfter: this.#nowSeconds - options.endedSeconds }),
    })
    return { chain: [leaf, this.issuing.certificateDer], key }
  }

  async #leaf(
    input: Partial<Parameters<SigningCa['signLeaf']>[0]> &
      Pick<Parameters<SigningCa['signLeaf']>[0], 'extKeyUsages'>,
  ): Promise<{ leaf: Buffer; key: KeyPair['privateKey'] }> {
    const { privateKey, publicKeyDer } = await generateKeyPair()
    const leaf = this.issuing.signLeaf({
      serial: randomSerial(systemRandom),
      publicKeyDer,
      notBefore: this.#nowSeconds - 2 * HOUR,
      notAfter: this.#nowSeconds + HOUR,
      ...input,
    })
    return { leaf, key: privateKey }
  }
}
