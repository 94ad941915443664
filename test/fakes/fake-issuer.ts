import type { IdentityClaim, SvidIssuer } from '../../src/agent/svid-cache/svid-issuer.ts'
import { createCaCertificate } from '../../src/crypto/ca-certificate.ts'
import { JwsSigner } from '../../src/crypto/jws.ts'
import { generateKeyPair, type KeyPair } from '../../src/crypto/keys.ts'
import { randomSerial, SigningCa } from '../../src/crypto/signing-ca.ts'
import type { Clock } from '../../src/foundation/clock.ts'
import { systemRandom } from '../../src/foundation/random.ts'
import { Bundle } from '../../src/spiffe/bundle.ts'

const DAY = 86_400

interface Keys {
  readonly ca: SigningCa
  readonly jwt: JwsSigner
  readonly jwtPublicKeyDer: Buffer
}

/** An authority that signs every request, with real keys. Tests can make it slow or let it fail. */
export class FakeIssuer implements SvidIssuer {
  readonly trustDomain: string
  readonly asked: { readonly x509: IdentityClaim[]; readonly jwt: (readonly string[])[] } = {
    x509: [],
    jwt: [],
  }
  ttlSeconds = 3600
  jwtTtlSeconds = 300
  /** Returns the error to throw instead of a response, by request. */
  fails: (claim: IdentityClaim) => Error | undefined = () => undefined
  /** Awaited before each response. */
  before: (claim: IdentityClaim) => Promise<void> = async () => undefined
  readonly #clock: Clock
  readonly #keys: Keys[]
  #made: number

  private constructor(clock: Clock, trustDomain: string, keys: Keys) {
    this.#clock = clock
    this.trustDomain = trustDomain
    this.#keys = [keys]
    this.#made = 1
  }

  static async create(clock: Clock, trustDomain = 'example.org'): Promise<FakeIssuer> {
    return new FakeIssuer(clock, trustDomain, await makeKeys(clock, trustDomain, 1))
  }

  /** Activates a new CA and a new JWT key. The old ones stay in the bundle. */
  async rotate(): Promise<void> {
    this.#made += 1
    this.#keys.unshift(await makeKeys(this.#clock, this.trustDomain, this.#made))
  }

  /** Adds this many retired CAs to the bundle. */
  async retainAuthorities(count: number): Promise<void> {
    for (let more = 0; more < count; more += 1)
      this.#keys.push(await makeKeys(this.#clock, this.trustDomain, 1_000 + more))
  }

  /** Removes everything but the active keys from the bundle. */
  forgetRetired(): void {
    this.#keys.length = 1
  }

  get activeX509KeyId(): string {
    return this.#active.ca.keyId
  }

  get activeJwtKeyId(): string {
    return this.#active.jwt.kid
  }

  bundle(): Bundle {
    return Bundle.of({
      trustDomain: this.trustDomain,
      x509Authorities: this.#keys.map(({ ca }) => ca.certificateDer),
      jwtAuthorities: this.#keys.map(({ jwt, jwtPublicKeyDer }) => ({
        kid: jwt.kid,
        publicKeyDer: jwtPublicKeyDer,
      })),
    })
  }

  async issueX509(claim: IdentityClaim, publicKeyDer: Buffer) {
    this.asked.x509.push(claim)
    await this.before(claim)
    const failure = this.fails(claim)
    if (failure) throw failure
    const now = this.#seconds()
    const notBefore = now - 60
    const notAfter = now + this.ttlSeconds
    const leaf = this.#active.ca.signLeaf({
      serial: randomSerial(systemRandom),
      publicKeyDer,
      notBefore,
      notAfter,
      uriSan: claim.spiffeId,
      extKeyUsages: ['serverAuth', 'clientAuth'],
    })
    return { chain: [leaf], notBefore, notAfter }
  }

  async issueJwt(claim: IdentityClaim, audience: readonly string[]) {
    this.asked.jwt.push(audience)
    await this.before(claim)
    const failure = this.fails(claim)
    if (failure) throw failure
    const issuedAt = this.#seconds()
    const expiresAt = issuedAt + this.jwtTtlSeconds
    const jti = systemRandom.bytes(16).toString('base64url')
    const claims = { sub: claim.spiffeId, aud: audience, iat: issuedAt, exp: expiresAt, jti }
    return { token: this.#active.jwt.sign(claims), issuedAt, expiresAt }
  }

  get #active(): Keys {
    const [keys] = this.#keys
    if (!keys) throw new TypeError('no keys')
    return keys
  }

  #seconds(): number {
    return Math.floor(this.#clock.now().getTime() / 1000)
  }
}

async function makeKeys(clock: Clock, trustDomain: string, number: number): Promise<Keys> {
  const caKey: KeyPair = await generateKeyPair()
  const jwtKey: KeyPair = await generateKeyPair()
  const now = Math.floor(clock.now().getTime() / 1000)
  const certificate = await createCaCertificate({
    subject: { commonName: `CA ${number}`, organization: trustDomain },
    publicKeyDer: caKey.publicKeyDer,
    signer: { privateKey: caKey.privateKey },
    notBefore: new Date((now - DAY) * 1000),
    notAfter: new Date((now + 30 * DAY) * 1000),
    uriSan: `spiffe://${trustDomain}`,
    serial: randomSerial(systemRandom),
  })
  return {
    ca: new SigningCa(certificate, caKey.privateKey),
    jwt: new JwsSigner({ alg: 'ES256', kid: `jwt-${number}`, typ: 'JWT', privateKey: jwtKey.privateKey }),
    jwtPublicKeyDer: jwtKey.publicKeyDer,
  }
}
