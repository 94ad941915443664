import { encodeMessage } from '../../rpc/services.ts'
import { SvidUnavailableError } from '../entitlement/errors.ts'
import type { LeftOut } from '../entitlement/left-out.ts'
import { type GrantedSvid, MAX_MESSAGE_SIZE, type Message } from '../entitlement/message.ts'
import type { Knowledge } from '../sync/knowledge.ts'
import { federatedMap } from './bundles-message.ts'

/** The encoding overhead of one X509SVID message, in bytes. */
const OVERHEAD = 32

/**
 * X509SVIDResponse (Workload API §5.2.1): a full snapshot in the given order, default identity
 * first. What does not fit into a message is left out: federated bundles before SVIDs, and of SVIDs
 * the last in order.
 */
export function x509SvidMessage(
  granted: readonly GrantedSvid[],
  knowledge: Knowledge,
  leftOut: Pick<LeftOut, 'svids' | 'bundles'>,
): Message {
  const bundle = knowledge.bundle.x509Der()
  if (bundle.length === 0) throw new SvidUnavailableError() // clients reject an empty mandatory field
  let room = MAX_MESSAGE_SIZE
  const sent: GrantedSvid[] = []
  for (const each of granted) {
    const { spiffeId, chainDer, keyDer } = each.svid
    const size = spiffeId.length + chainDer.length + keyDer.length + bundle.length
    room -= size + Buffer.byteLength(each.hint) + OVERHEAD
    if (room < 0) break
    sent.push(each)
  }
  const without = granted.slice(sent.length).map(({ grant }) => grant.identity)
  if (without.length > 0) leftOut.svids('x509_svid', without)
  if (sent.length === 0) throw new SvidUnavailableError()
  const grants = sent.map(({ grant }) => grant)
  const svids = sent.map(({ hint, svid: { spiffeId, chainDer, keyDer } }) => {
    return { spiffeId, x509Svid: chainDer, x509SvidKey: keyDer, bundle, hint }
  })
  const federated = federatedMap(grants, knowledge, Math.max(0, room), leftOut)
  return {
    bytes: encodeMessage('X509SVIDResponse', { svids, federatedBundles: federated }),
    validFromMs: Math.max(...sent.map(({ svid }) => svid.notBeforeMs)),
    validUntilMs: Math.min(...sent.map(({ svid }) => svid.notAfterMs)),
    spiffeIds: sent.map(({ svid }) => svid.spiffeId),
    delivered: { svids: sent.map(({ svid: { spiffeId, serial } }) => ({ spiffeId, serial })) },
  }
}
