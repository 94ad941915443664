import { type KeyObject, X509Certificate } from 'node:crypto'
import { loadKeyPair } from '../crypto/keys.ts'
import { splitDer } from '../crypto/x509.ts'
import { CodedError, messageOf } from '../foundation/errors.ts'
import type { X509SVID__Output } from '../rpc/gen/X509SVID.ts'
import type { X509SVIDResponse__Output } from '../rpc/gen/X509SVIDResponse.ts'
import { decodeMessage } from '../rpc/services.ts'
import { Bundle } from '../spiffe/bundle.ts'
import { SpiffeId } from '../spiffe/spiffe-id.ts'
import { TrustDomain } from '../spiffe/trust-domain.ts'
import { validateX509Svid, type X509Svid } from '../spiffe/x509-svid.ts'
import { InvalidUpdateError } from './errors.ts'

/** An X.509-SVID of this process, with its key. */
export interface OwnX509Svid extends X509Svid {
  readonly privateKey: KeyObject
  /** The operator's name for it, for processes that have several SVIDs; may be empty. */
  readonly hint: string
}

/** The contents of one FetchX509SVID response. Each response replaces the one before. */
export interface X509Update {
  /** At least one; the first is the default (Workload API §8). */
  readonly svids: readonly OwnX509Svid[]
  /** By the trust domain's bare name; federated ones included. */
  readonly bundles: ReadonlyMap<string, Bundle>
  /** The parts of the response that were left out. */
  readonly problems: readonly InvalidUpdateError[]
}

/**
 * Reads a response. SVIDs and authorities are judged one by one: an invalid one is left out and the
 * others are used. For an invalid SVID, the previous one with the same SPIFFE ID is kept while it
 * still verifies, so that a position in the list does not pass to another identity.
 * @throws InvalidUpdateError if the message cannot be decoded or has no SVID that can be used
 */
export function parseX509Update(
  message: Buffer,
  nowSeconds: number,
  before: readonly OwnX509Svid[] = [],
): X509Update {
  const response = decode(message)
  if (response.svids.length === 0) throw new InvalidUpdateError('it has no SVID')
  const problems: InvalidUpdateError[] = []
  const bundles = new Map<string, Bundle>()
  for (const [id, der] of Object.entries(response.federatedBundles)) {
    attempt(problems, 'a federated bundle is left out', () => {
      const bundle = federatedBundle(id, der)
      bundles.set(bundle.trustDomain, bundle)
      noteSkippedParts(problems, bundle)
    })
  }
  const svids: OwnX509Svid[] = []
  for (const sent of response.svids) {
    const svid = attempt(problems, 'an SVID is left out', () => readSvid(sent, nowSeconds, problems))
    const usable = svid ?? attempt([], '', () => readAgain(sent, nowSeconds, before))
    if (usable === undefined) continue
    svids.push(usable.svid)
    // Replaces a federated bundle of the same name: an SVID's own bundle is authoritative.
    bundles.set(usable.bundle.trustDomain, usable.bundle)
  }
  if (svids.length === 0) throw problems.at(-1) ?? new InvalidUpdateError('it has no SVID')
  return { svids, bundles, problems }
}

function decode(message: Buffer): X509SVIDResponse__Output {
  try {
    return decodeMessage('X509SVIDResponse', message) as X509SVIDResponse__Output
  } catch {
    // The decoder's error may quote bytes of the message, which contains private keys.
    throw new InvalidUpdateError('the message cannot be decoded')
  }
}

/** Runs `task`; on failure adds to `problems` and returns undefined. */
function attempt<T>(problems: InvalidUpdateError[], what: string, task: () => T): T | undefined {
  try {
    return task()
  } catch (error) {
    if (error instanceof InvalidUpdateError) problems.push(error)
    else if (error instanceof CodedError)
      problems.push(new InvalidUpdateError(`${what}: ${messageOf(error)}`, { cause: error }))
    else problems.push(new InvalidUpdateError(what)) // an unknown error's message could quote key material
    return undefined
  }
}

interface Usable {
  readonly svid: OwnX509Svid
  readonly bundle: Bundle
}

function readSvid(sent: X509SVID__Output, nowSeconds: number, problems: InvalidUpdateError[]): Usable {
  const trustDomain = SpiffeId.parse(sent.spiffeId).trustDomain
  const bundle = Bundle.fromX509Der(trustDomain, sent.bundle)
  const svid = validateX509Svid(splitDer(sent.x509Svid), bundle, nowSeconds)
  if (svid.spiffeId.toString() !== sent.spiffeId) {
    throw new InvalidUpdateError('the certificate of an SVID has another SPIFFE ID than the message says')
  }
  const { privateKey } = loadKeyPair(sent.x509SvidKey)
  if (!new X509Certificate(svid.leaf.der).checkPrivateKey(privateKey)) {
    throw new InvalidUpdateError('a private key does not fit its certificate')
  }
  noteSkippedParts(problems, bundle)
  return { svid: { ...svid, privateKey, hint: sent.hint }, bundle }
}

/** The previous SVID with this SPIFFE ID, if it verifies against the new bundle. */
function readAgain(
  { spiffeId, bundle: der }: X509SVID__Output,
  nowSeconds: number,
  before: readonly OwnX509Svid[],
): Usable | undefined {
  const svid = before.find((each) => each.spiffeId.toString() === spiffeId)
  if (svid === undefined) return undefined
  const bundle = Bundle.fromX509Der(svid.spiffeId.trustDomain, der)
  validateX509Svid(
    svid.chain.map((certificate) => certificate.der),
    bundle,
    nowSeconds,
  )
  return { svid, bundle }
}

function federatedBundle(id: string, der: Buffer): Bundle {
  const { name, id: canonical } = TrustDomain.parse(id)
  if (id !== canonical)
    throw new InvalidUpdateError('a federated bundle is not under the ID of a trust domain')
  return Bundle.fromX509Der(name, der)
}

function noteSkippedParts(problems: InvalidUpdateError[], { trustDomain, skippedParts }: Bundle): void {
  const [first] = skippedParts
  if (first === undefined) return
  const more = skippedParts.length > 1 ? ` (and ${skippedParts.length - 1} more)` : ''
  problems.push(
    new InvalidUpdateError(
      `of the bundle of ${trustDomain} ${first.where} is left out: ${first.reason}${more}`,
    ),
  )
}
