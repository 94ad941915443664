import { generateKeyPair } from '../../crypto/keys.ts'
import { proveSync } from '../../crypto/proof-of-possession.ts'
import type { Clock } from '../../foundation/clock.ts'
import { version } from '../../foundation/version.ts'
import type { RenewRequest } from '../../rpc/gen/signet/v1/RenewRequest.ts'
import type { RenewResponse__Output } from '../../rpc/gen/signet/v1/RenewResponse.ts'
import { PROTOCOL_VERSION } from '../../rpc/protocol.ts'
import { toTimestamp } from '../../rpc/timestamp.ts'
import type { BotIdentity, StoredIdentity } from '../state/bot-identity.ts'
import type { IdentityStore } from '../state/identity-file.ts'
import type { AuthorityDoor } from '../uplink/authority-door.ts'
import { askOnce } from './ask-once.ts'
import { type GivenIdentity, readBotCertificate } from './read-bot-certificate.ts'

interface RenewDeps {
  readonly door: AuthorityDoor
  readonly store: IdentityStore
  readonly clock: Clock
}

/**
 * Obtains the next generation in two phases: its key is saved before the request, its certificate
 * before it is used. After a crash at any step, the next start has either the old certificate and
 * the key to repeat the request with, or the new certificate.
 */
export async function renew(
  deps: RenewDeps,
  stored: StoredIdentity & { readonly current: BotIdentity },
): Promise<GivenIdentity> {
  const { store, clock, door } = deps
  const { current, trustDomain } = stored
  const nextKey = stored.nextKey ?? (await generateKeyPair())
  if (stored.nextKey === undefined) await store.save({ ...stored, nextKey })
  const { botInstanceId, generation } = current
  const request: RenewRequest = {
    protocolVersion: PROTOCOL_VERSION,
    publicKey: nextKey.publicKeyDer,
    proofOfPossession: proveSync({ purpose: 'renew', trustDomain, botInstanceId, generation }, nextKey),
    agentTime: toTimestamp(clock.now().getTime()),
    agentVersion: version,
  }
  const { certificate } = await askOnce(door, stored, (client) =>
    client.unary<RenewRequest, RenewResponse__Output>('signet.v1.JoinService', 'Renew', request),
  )
  const certified = readBotCertificate(certificate, {
    key: nextKey,
    trustDomain,
    generation: generation + 1,
    botInstanceId,
    nowMs: clock.now().getTime(),
  })
  const { joinToken } = stored
  await store.save({ trustDomain, joinToken, roots: certified.roots, current: certified.identity })
  return certified
}
