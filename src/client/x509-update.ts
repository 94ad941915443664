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
}

/**
 * Reads a message whole or not at all: one SVID that is not what it should be spoils it (Workload API §4.5).
 * @throws InvalidUpdateError
 */
export function parseX509Update(message: Buffer, nowSeconds: number): X509Update {
  try {
    const response = decodeMessage('X509SVIDResponse', message) as X509SVIDResponse__Output
    if (response.svids.length === 0) throw new InvalidUpdateError('it has no SVID')
    const bundles = new Map(Object.entries(response.federatedBundles).map(federatedBundle))
    const svids = response.svids.map((each) => readSvid(each, bundles, nowSeconds))
    return { svids, bundles }
  } catch (error) {
    if (error instanceof InvalidUpdateError) throw error
    // What a decoder says of broken bytes may hold some of them, and there is a key among them.
    if (!(error instanceof CodedError))
      throw new InvalidUpdateError('it is not the message that it should be')
    throw new InvalidUpdateError(messageOf(error), { cause: error })
  }
}

function readSvid(sent: X509SVID__Output, bundles: Map<string, Bundle>, nowSeconds: number): OwnX509Svid {
  const trustDomain = SpiffeId.parse(sent.spiffeId).trustDomain
  const bundle = bundleOf(trustDomain, sent.bundle)
  const svid = validateX509Svid(splitDer(sent.x509Svid), bundle, nowSeconds)
  if (svid.spiffeId.toString() !== sent.spiffeId) {
    throw new InvalidUpdateError('an SVID is for another SPIFFE ID than is said beside it')
  }
  const { privateKey } = loadKeyPair(sent.x509SvidKey)
  if (!new X509Certificate(svid.leaf.der).checkPrivateKey(privateKey)) {
    throw new InvalidUpdateError('a private key does not fit its certificate')
  }
  bundles.set(trustDomain, bundle) // over a federated one: nobody else speaks for the own trust domain
  return { ...svid, privateKey, hint: sent.hint }
}

function federatedBundle([id, der]: [string, Buffer]): [string, Bundle] {
  const { name, id: canonical } = TrustDomain.parse(id)
  if (id !== canonical)
    throw new InvalidUpdateError('a federated bundle is not under the ID of a trust domain')
  return [name, bundleOf(name, der)]
}

function bundleOf(trustDomain: string, der: Buffer): Bundle {
  return Bundle.of({ trustDomain, x509Authorities: splitDer(der), jwtAuthorities: [] })
}
