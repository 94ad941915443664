import type { Grant } from '../../policy/compile.ts'
import { encodeMessage } from '../../rpc/services.ts'
import type { Knowledge } from '../knowledge.ts'
import type { CachedX509Svid } from '../svid-cache/x509-entry.ts'
import { bundleMap, federatedBundles } from './bundles-message.ts'
import { SvidUnavailableError } from './errors.ts'
import { LARGEST_MESSAGE, type Message } from './message.ts'

/** What the fields of one X509SVID cost beside their contents. */
const OVERHEAD = 32

export interface GrantedSvid {
  readonly grant: Grant
  readonly hint: string
  readonly svid: CachedX509Svid
}

/**
 * X509SVIDResponse (Workload API §5.2.1), a whole snapshot in the order given: the first is the default identity. What
 * does not fit into a message is left out at the end; `onTooLarge` hears how many SVIDs that were.
 */
export function x509SvidMessage(
  granted: readonly GrantedSvid[],
  knowledge: Knowledge,
  onTooLarge: (leftOut: number) => void,
): Message {
  const bundle = knowledge.bundle.x509Der()
  if (bundle.length === 0) throw new SvidUnavailableError() // an empty mandatory field is worse than no message
  let room = LARGEST_MESSAGE
  const svids: object[] = []
  const sent: CachedX509Svid[] = []
  for (const { hint, svid } of granted) {
    const { spiffeId, chainDer, keyDer } = svid
    room -= spiffeId.length + chainDer.length + keyDer.length + bundle.length + hint.length + OVERHEAD
    if (room < 0) {
      onTooLarge(granted.length - sent.length)
      break
    }
    svids.push({ spiffeId, x509Svid: chainDer, x509SvidKey: keyDer, bundle, hint })
    sent.push(svid)
  }
  const foreign = federatedBundles(
    granted.map(({ grant }) => grant),
    knowledge,
  )
  const federated = bundleMap(foreign, (each) => each.x509Der(), room)
  return {
    bytes: encodeMessage('X509SVIDResponse', { svids, federatedBundles: federated }),
    validUntilMs: Math.min(...sent.map(({ notAfterMs }) => notAfterMs)),
    spiffeIds: sent.map(({ spiffeId }) => spiffeId),
    delivered: { kind: 'x509_svid', of: sent.map(({ serial }) => serial) },
  }
}
