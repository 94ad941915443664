import type { BotInstance } from '../bots/bot-instance.ts'
import type { InstanceConnections } from '../bots/instance-connections.ts'
import type { BotCaller, Caller } from '../caller.ts'
import { BotCertificateRequiredError } from '../errors.ts'

/** The table has let only bots through; this says so to the compiler, and refuses should the table ever be wrong. */
export function botOf(caller: Caller): BotCaller {
  if (caller.kind !== 'bot') throw new BotCertificateRequiredError('a valid bot certificate is required')
  return caller
}

/** The instance that calls, known, unlocked and of the current generation: asked on every call (decision 0007). */
export function instanceOf(connections: Pick<InstanceConnections, 'use'>, caller: Caller): BotInstance {
  return connections.use(botOf(caller))
}
