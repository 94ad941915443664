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
  /** What the operator calls it, for processes that have several; may be empty. */
  readonly hint: string
}

/** Everything that one message of FetchX509SVID says: there is nothing beside it. */
export interface X509Update {
  /** At least one; the first is the default (Workload API §8). */
  readonly svids: readonly OwnX509Svid[]
  /** By the bare names of the trust domains, federated ones included. */
  readonly bundles: ReadonlyMap<string, Bundle>
  /** What of the message cannot be used, and was left out. */
  readonly problems: readonly InvalidUpdateError[]
}

/**
 * Reads a message. Each SVID and each authority stands for itself: one that is not what it should be is left out, and the rest is taken. In the
 * place of an SVID that cannot be used stays the one before it with the same SPIFFE ID, while that is good: nobody becomes another.
 * @throws InvalidUpdateError when it is no message, or has no SVID that can be used
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
      notePassedOver(problems, bundle)
    })
  }
  const svids: OwnX509Svid[] = []
  for (const sent of response.svids) {
    const svid = attempt(problems, 'an SVID is left out', () => readSvid(sent, nowSeconds, problems))
    const usable = svid ?? attempt([], '', () => readAgain(sent, nowSeconds, before))
    if (usable === undefined) continue
    svids.push(usable.svid)
    bundles.set(usable.bundle.trustDomain, usable.bundle) // over a federated one: nobody else speaks for the own trust domain
  }
  if (svids.length === 0) throw problems.at(-1) ?? new InvalidUpdateError('it has no SVID')
  return { svids, bundles, problems }
}

function decode(message: Buffer): X509SVIDResponse__Output {
  try {
    return decodeMessage('X509SVIDResponse', message) as X509SVIDResponse__Output
  } catch {
    // What a decoder says of broken bytes may hold some of them, and there is a key among them.
    throw new InvalidUpdateError('it is not the message that it should be')
  }
}

/** Undefined when it fails, which is a problem then. */
function attempt<T>(problems: InvalidUpdateError[], what: string, task: () => T): T | undefined {
  try {
    return task()
  } catch (error) {
    if (error instanceof InvalidUpdateError) problems.push(error)
    else if (error instanceof CodedError)
      problems.push(new InvalidUpdateError(`${what}: ${messageOf(error)}`, { cause: error }))
    else problems.push(new InvalidUpdateError(what)) // its words may hold a part of a key
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
    throw new InvalidUpdateError('an SVID is for another SPIFFE ID than is said beside it')
  }
  const { privateKey } = loadKeyPair(sent.x509SvidKey)
  if (!new X509Certificate(svid.leaf.der).checkPrivateKey(privateKey)) {
    throw new InvalidUpdateError('a private key does not fit its certificate')
  }
  notePassedOver(problems, bundle)
  return { svid: { ...svid, privateKey, hint: sent.hint }, bundle }
}

/** The SVID before it, if the bundle that came now vouches for it. */
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

function notePassedOver(problems: InvalidUpdateError[], { trustDomain, passedOver }: Bundle): void {
  const [first] = passedOver
  if (first === undefined) return
  const more = passedOver.length > 1 ? ` (and ${passedOver.length - 1} more)` : ''
  problems.push(
    new InvalidUpdateError(
      `of the bundle of ${trustDomain} ${first.where} is left out: ${first.reason}${more}`,
    ),
  )
}
