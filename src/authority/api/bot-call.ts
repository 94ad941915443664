import type { BotDirectory } from '../bots/bot-directory.ts'
import type { BotInstance } from '../bots/bot-instance.ts'
import type { BotCaller, Caller } from '../caller.ts'
import { BotCertificateRequiredError } from '../errors.ts'

/** The table has let only bots through; this says so to the compiler, and refuses should the table ever be wrong. */
export function botOf(caller: Caller): BotCaller {
  if (caller.kind !== 'bot') throw new BotCertificateRequiredError('a valid bot certificate is required')
  return caller
}

/** The instance that calls, known, unlocked and of the current generation: asked on every call (design 7). */
export function instanceOf(directory: Pick<BotDirectory, 'use'>, caller: Caller): BotInstance {
  return directory.use(botOf(caller))
}
