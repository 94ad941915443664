import type { BotInstance } from '../bots/bot-instance.ts'
import type { InstanceConnections } from '../bots/instance-connections.ts'
import type { AnonymousCaller, BotCaller, Caller } from '../caller.ts'
import { BotCertificateRequiredError, NotAuthorizedError } from '../errors.ts'

/**
 * The caller as a bot. The table in authorize.ts lets only bots call these methods; this narrows the
 * type, and refuses other callers should the table ever be wrong. @throws BotCertificateRequiredError
 */
export function botOf(caller: Caller): BotCaller {
  if (caller.kind !== 'bot') throw new BotCertificateRequiredError('a valid bot certificate is required')
  return caller
}

/** The caller as one without a certificate, in the same way. @throws NotAuthorizedError */
export function anonymousOf(caller: Caller): AnonymousCaller {
  if (caller.kind !== 'anonymous') throw new NotAuthorizedError('not permitted')
  return caller
}

/**
 * The calling instance, which must be known, unlocked and of the current generation. Checked on every
 * call (decision 0007).
 */
export function instanceOf(connections: Pick<InstanceConnections, 'use'>, caller: Caller): BotInstance {
  return connections.use(botOf(caller))
}
