import type { BotCertificate__Output } from '../../rpc/gen/signet/v1/BotCertificate.ts'
import type { JoinRequest } from '../../rpc/gen/signet/v1/JoinRequest.ts'
import type { JoinResponse__Output } from '../../rpc/gen/signet/v1/JoinResponse.ts'
import type { JoinStart } from '../../rpc/gen/signet/v1/JoinStart.ts'
import type { AuthorityClient } from '../uplink/authority-door.ts'
import { JoinChallengeError } from './errors.ts'
import type { Joining, Prover } from './join-method.ts'

/** A Signet authority never sends more challenges than this. */
const MAX_CHALLENGES = 7

/**
 * Exchanges messages with the authority until it sends the bot certificate. @throws RpcError if it
 * refuses
 */
export async function holdConversation(
  client: Pick<AuthorityClient, 'converse'>,
  start: JoinStart,
  prover: Prover,
  joining: Joining,
): Promise<BotCertificate__Output | null> {
  const { signal } = joining
  using call = client.converse<JoinRequest, JoinResponse__Output>('signet.v1.JoinService', 'Join', { signal })
  let said = await call.say({ start })
  for (let asked = 0; said.challenge !== undefined; asked++) {
    if (asked === MAX_CHALLENGES || !prover.answer) {
      throw new JoinChallengeError('the authority asks for more than the join method can answer')
    }
    said = await call.say({ answer: await prover.answer(said.challenge, joining) })
  }
  return said.certificate ?? null
}
