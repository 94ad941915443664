import type { KeyObject } from 'node:crypto'
import { exportJwk } from '../crypto/jwk.ts'
import { exportSpki, importSpki } from '../crypto/keys.ts'
import { type Certificate, parseCertificate, splitDerAsFar } from '../crypto/x509.ts'
import { requireCoded } from '../foundation/errors.ts'
import { InvalidBundleError, MAX_NOTED, parseBundle, type SkippedPart } from './bundle-json.ts'
import { TrustDomain } from './trust-domain.ts'

export interface BundleContents {
  /** DER. */
  readonly x509Authorities: readonly Buffer[]
  readonly jwtAuthorities: readonly { readonly kid: string; readonly publicKeyDer: Buffer }[]
  readonly sequence?: bigint
  readonly refreshHintSeconds?: number
}

/**
 * The keys of one trust domain (SPIFFE Trust Domain and Bundle §4), without parts that cannot be
 * used (decision 0022). Immutable.
 */
export class Bundle {
  /** The bare name; a bundle always belongs to a trust domain (§3). */
  readonly trustDomain: string
  readonly x509Authorities: readonly Buffer[]
  readonly jwtAuthorities: ReadonlyMap<string, KeyObject>
  readonly sequence: bigint | undefined
  readonly refreshHintSeconds: number | undefined
  /** The parts of the document that were skipped. */
  readonly skippedParts: readonly SkippedPart[]
  #certificates: readonly Certificate[] | undefined
  #formatted: Buffer | undefined
  #jwks: Buffer | undefined
  #x509Der: Buffer | undefined

  private constructor(
    trustDomain: string,
    contents: BundleContents,
    skippedParts: readonly SkippedPart[] = [],
  ) {
    this.trustDomain = TrustDomain.parse(trustDomain).name
    this.x509Authorities = uniqueAuthorities(contents.x509Authorities)
    this.jwtAuthorities = jwtKeys(contents.jwtAuthorities)
    this.sequence = contents.sequence
    this.refreshHintSeconds = contents.refreshHintSeconds
    this.skippedParts = skippedParts
  }

  /** Reads the JSON form and skips the parts that cannot be used. @throws InvalidBundleError */
  static parse(trustDomain: string, json: Buffer | string): Bundle {
    const { skippedParts, ...contents } = parseBundle(json)
    return new Bundle(trustDomain, contents, skippedParts)
  }

  /**
   * Reads X.509 authorities as the Workload API sends them (§5.2.1): concatenated DER. A
   * certificate that cannot be used is skipped; so is everything after bytes that are not a
   * certificate.
   */
  static fromX509Der(trustDomain: string, concatenated: Buffer): Bundle {
    const { parts, rest } = splitDerAsFar(concatenated)
    const skippedParts: SkippedPart[] = []
    const x509Authorities = parts.filter((der, index) => {
      const reason = anchorProblem(der)
      if (reason !== undefined && skippedParts.length < MAX_NOTED)
        skippedParts.push({ where: `certificate ${index}`, reason, isUnknown: false })
      return reason === undefined
    })
    if (rest > 0)
      skippedParts.push({ where: `${rest} bytes at the end`, reason: 'not a certificate', isUnknown: false })
    return new Bundle(trustDomain, { x509Authorities, jwtAuthorities: [] }, skippedParts)
  }

  static of(input: BundleContents & { readonly trustDomain: string }): Bundle {
    for (const der of input.x509Authorities) {
      if (!parseCertificate(der).isCa) throw new InvalidBundleError('an X.509 authority is not a CA')
    }
    return new Bundle(input.trustDomain, input)
  }

  /** The parsed X.509 authorities, cached. */
  get certificates(): readonly Certificate[] {
    this.#certificates ??= this.x509Authorities.map((der) => parseCertificate(der))
    return this.#certificates
  }

  /** The SPIFFE bundle document (§4). The same contents in the same order give the same bytes. */
  format(): Buffer {
    this.#formatted ??= Buffer.from(this.#formatDocument())
    return this.#formatted
  }

  /**
   * A standard JWK Set of the JWT keys only, for FetchJWTBundles: no keys of another use and none
   * of the bundle's own members (§6.2.2). `use` is omitted, because JWT libraries accept only `sig`
   * there and skip every other key.
   */
  formatJwks(): Buffer {
    this.#jwks ??= Buffer.from(JSON.stringify({ keys: this.#jwtJwks() }))
    return this.#jwks
  }

  /** The X.509 authorities as the Workload API sends them (§5.2.1): concatenated DER. */
  x509Der(): Buffer {
    this.#x509Der ??= Buffer.concat(this.x509Authorities)
    return this.#x509Der
  }

  #formatDocument(): string {
    const keys = [
      // X509-SVID §6.1: one certificate each, in Base64 (not base64url), and no `kid`.
      ...this.certificates.map(({ der, publicKeyDer }) => ({
        use: 'x509-svid',
        ...exportJwk(publicKeyDer),
        x5c: [der.toString('base64')],
      })),
      ...this.#jwtJwks().map((jwk) => ({ use: 'jwt-svid', ...jwk })),
    ]
    const members = [`"keys":${JSON.stringify(keys)}`]
    // Formatted by hand: JSON.stringify cannot write 64-bit integers (§4.1.1).
    if (this.sequence !== undefined) members.push(`"spiffe_sequence":${this.sequence}`)
    if (this.refreshHintSeconds !== undefined)
      members.push(`"spiffe_refresh_hint":${this.refreshHintSeconds}`)
    return `{${members.join(',')}}`
  }

  #jwtJwks(): object[] {
    return Array.from(this.jwtAuthorities, ([kid, key]) => ({ kid, ...exportJwk(exportSpki(key)) }))
  }
}

function anchorProblem(der: Buffer): string | undefined {
  try {
    const { isCa, publicKeyDer } = parseCertificate(der)
    importSpki(publicKeyDer)
    return isCa ? undefined : 'not the certificate of a CA'
  } catch (error) {
    return requireCoded(error).message
  }
}

function uniqueAuthorities(authorities: readonly Buffer[]): readonly Buffer[] {
  const unique = new Map(authorities.map((der) => [der.toString('latin1'), der]))
  return [...unique.values()]
}

/** The same key may appear twice; two keys with the same kid would be ambiguous. */
function jwtKeys(authorities: BundleContents['jwtAuthorities']): ReadonlyMap<string, KeyObject> {
  const keys = new Map<string, KeyObject>()
  for (const { kid, publicKeyDer } of authorities) {
    if (kid === '') throw new InvalidBundleError('a JWT authority has no kid')
    const key = importSpki(publicKeyDer)
    if (keys.get(kid)?.equals(key) === false)
      throw new InvalidBundleError('two JWT authorities have the same kid')
    keys.set(kid, key)
  }
  return keys
}
