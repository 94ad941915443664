import type { KeyObject } from 'node:crypto'
import { CodedError } from '../foundation/errors.ts'
import { InvalidKeyError, importSpki } from './keys.ts'
import type { Certificate } from './x509.ts'
import { isSignedBy } from './x509-signature.ts'

type ChainProblem =
  | 'empty'
  | 'too_long'
  | 'too_much'
  | 'expired'
  | 'not_yet_valid'
  | 'issuer_unknown'
  | 'signature'
  | 'key'
  | 'not_a_ca'
  | 'path_length'
  | 'critical_extension'

const MESSAGES: Readonly<Record<ChainProblem, string>> = {
  empty: 'there is no certificate',
  too_long: 'the chain is too long: it has more than 8 certificates below the root',
  too_much: 'there are too many ways up to a root',
  expired: 'a certificate has expired',
  not_yet_valid: 'a certificate is not valid yet',
  issuer_unknown: 'no trusted CA issued it',
  signature: 'a signature does not fit',
  key: 'a certificate has a key of a kind that is not taken',
  not_a_ca: 'a certificate that is no CA is used as one',
  path_length: 'a path length is exceeded',
  critical_extension: 'a critical extension is not understood',
}

/** The certificate chain does not lead to a trusted root. */
class ChainInvalidError extends CodedError {
  override readonly name = 'ChainInvalidError'
  readonly code = 'ERR_CRYPTO_CHAIN_INVALID'
  readonly kind = 'unauthenticated'
  readonly reason: ChainProblem

  constructor(reason: ChainProblem) {
    super('the certificate chain is not valid', { detail: MESSAGES[reason] })
    this.reason = reason
  }
}

/**
 * Maximum of certificates below the root. A real chain has two or three; one with seven CAs is not
 * legitimate.
 */
export const MAX_CHAIN_LENGTH = 8
/** Maximum of signatures verified for one chain, whatever certificates it has; the same as in Go. */
const MAX_SIGNATURES = 100

/**
 * Builds and validates a path (RFC 5280 §6.1) from the leaf, which comes first, to any of the
 * roots, through the other certificates in any order. Where several certificates may be the issuer
 * (renewed with the same name or key, or cross-signed), each is tried, roots first, so that an
 * expired one does not hide a valid one. Times have no leeway, because the authority backdates what
 * it signs.
 * @returns the root
 * @throws ChainInvalidError with the problem of the path that came furthest
 */
export function verifyChain(
  chain: readonly Certificate[],
  roots: readonly Certificate[],
  nowSeconds: number,
): Certificate {
  const [leaf, ...above] = chain
  if (leaf === undefined) throw new ChainInvalidError('empty')
  // some clients send the root
  const others = above.filter(({ der }) => !roots.some((root) => root.der.equals(der)))
  if (others.length >= MAX_CHAIN_LENGTH) throw new ChainInvalidError('too_long')
  const problem = problemOfItself(leaf, nowSeconds)
  if (problem !== undefined) throw new ChainInvalidError(problem)
  const search = new PathSearch(others, roots, nowSeconds)
  const root = search.from(leaf, 0)
  if (root === undefined) throw new ChainInvalidError(search.problem)
  return root
}

/**
 * Checks that all certificates are valid at this time. Does not verify signatures.
 * @throws ChainInvalidError
 */
export function checkTimes(chain: readonly Certificate[], nowSeconds: number): void {
  for (const certificate of chain) {
    const problem = timeProblem(certificate, nowSeconds)
    if (problem !== undefined) throw new ChainInvalidError(problem)
  }
}

class PathSearch {
  /**
   * The most telling problem so far. A problem of a CA that did sign says more than one of a CA
   * that did not.
   */
  problem: ChainProblem = 'issuer_unknown'
  readonly #others: readonly Certificate[]
  readonly #roots: readonly Certificate[]
  readonly #nowSeconds: number
  /**
   * CAs from which no root was reached, with the fewest CAs that were below them. More of them
   * below cannot help.
   */
  readonly #futile = new Map<Certificate, number>()
  readonly #path = new Set<Certificate>()
  readonly #verdicts = new Map<Certificate, Map<Certificate, boolean>>()
  #signatures = 0

  constructor(others: readonly Certificate[], roots: readonly Certificate[], nowSeconds: number) {
    this.#others = others
    this.#roots = roots
    this.#nowSeconds = nowSeconds
  }

  /**
   * Finds the root above a certificate that is valid itself. `below` counts the CAs for path
   * lengths, including this one.
   */
  from(certificate: Certificate, below: number): Certificate | undefined {
    this.#path.add(certificate)
    for (const root of likeliestFirst(certificate, this.#roots)) {
      if (this.#isIssuer(root, certificate, below)) return root
    }
    for (const ca of likeliestFirst(certificate, this.#others)) {
      if (this.#path.has(ca) || (this.#futile.get(ca) ?? Number.POSITIVE_INFINITY) <= below) continue
      if (!this.#isIssuer(ca, certificate, below)) continue
      // RFC 5280 §6.1.4 (l): self-issued CAs do not count.
      const root = this.from(ca, ca.subjectDer.equals(ca.issuerDer) ? below : below + 1)
      if (root !== undefined) return root
      this.#futile.set(ca, below)
    }
    this.#path.delete(certificate)
    return undefined
  }

  #isIssuer(ca: Certificate, certificate: Certificate, below: number): boolean {
    if (!this.#hasSigned(ca, certificate)) return false
    const problem = problemOfItself(ca, this.#nowSeconds) ?? problemAsCa(ca, below)
    if (problem !== undefined) this.#note(problem)
    return problem === undefined
  }

  #hasSigned(ca: Certificate, certificate: Certificate): boolean {
    const verdicts = this.#verdicts.get(certificate) ?? new Map<Certificate, boolean>()
    this.#verdicts.set(certificate, verdicts)
    const known = verdicts.get(ca)
    if (known !== undefined) return known
    this.#signatures += 1
    if (this.#signatures > MAX_SIGNATURES) throw new ChainInvalidError('too_much')
    const key = publicKeyOf(ca)
    const hasSigned = key !== undefined && isSignedBy(certificate.signed, key)
    if (key === undefined) this.#note('key')
    else if (!hasSigned && keyIdsAgree(certificate, ca) !== false) this.#note('signature')
    verdicts.set(ca, hasSigned)
    return hasSigned
  }

  #note(problem: ChainProblem): void {
    const isWeak = problem === 'signature' || problem === 'key'
    if (this.problem === 'issuer_unknown' || (!isWeak && ['signature', 'key'].includes(this.problem)))
      this.problem = problem
  }
}

/**
 * The candidates with the issuer's name, those with a matching key identifier first. It is only a
 * hint (RFC 5280 §4.2.1.1): some CAs change it when they renew.
 */
function likeliestFirst(
  certificate: Certificate,
  candidates: readonly Certificate[],
): readonly Certificate[] {
  const named = candidates.filter((each) => certificate.issuerDer.equals(each.subjectDer))
  if (named.length < 2) return named
  const rank = (ca: Certificate): number => {
    const agree = keyIdsAgree(certificate, ca)
    return agree === undefined ? 1 : agree ? 0 : 2
  }
  return named.toSorted((a, b) => rank(a) - rank(b))
}

/** Returns undefined when one of them has no key identifier. */
function keyIdsAgree({ authorityKeyId }: Certificate, { subjectKeyId }: Certificate): boolean | undefined {
  if (authorityKeyId === undefined || subjectKeyId === undefined) return undefined
  return authorityKeyId === subjectKeyId
}

function timeProblem({ notBefore, notAfter }: Certificate, nowSeconds: number): ChainProblem | undefined {
  if (!(nowSeconds >= notBefore)) return 'not_yet_valid'
  // notAfter is inclusive.
  return Math.floor(nowSeconds) <= notAfter ? undefined : 'expired'
}

function problemOfItself(certificate: Certificate, nowSeconds: number): ChainProblem | undefined {
  const problem = timeProblem(certificate, nowSeconds)
  if (problem !== undefined) return problem
  if (certificate.unknownCriticalExtensions.length > 0) return 'critical_extension'
  return publicKeyOf(certificate) === undefined ? 'key' : undefined
}

function problemAsCa({ isCa, keyUsages, pathLength }: Certificate, below: number): ChainProblem | undefined {
  if (!isCa || !keyUsages.has('keyCertSign')) return 'not_a_ca'
  return pathLength !== undefined && below > pathLength ? 'path_length' : undefined
}

/** Caches parsed keys, because roots are used again and again. */
const KEYS = new WeakMap<Certificate, KeyObject>()

/** Returns undefined for a key that is not accepted. */
function publicKeyOf(certificate: Certificate): KeyObject | undefined {
  const known = KEYS.get(certificate)
  if (known !== undefined) return known
  try {
    const key = importSpki(certificate.publicKeyDer)
    KEYS.set(certificate, key)
    return key
  } catch (error) {
    if (error instanceof InvalidKeyError) return undefined
    throw error
  }
}
