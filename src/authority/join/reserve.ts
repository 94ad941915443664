import type { JoinTokenSpec } from '../../config/join-methods/registry.ts'
import type { Locks } from '../bots/locks.ts'
import { findInstance } from '../datastore/instance-repository.ts'
import { findTokenUse, takeTokenUse } from '../datastore/join-token-repository.ts'
import type { Transaction } from '../datastore/ports.ts'
import type { ResourceRepository } from '../datastore/resource-repository.ts'
import { JoinUndecidedError } from './errors.ts'

type Reservation =
  | { readonly bot: string; readonly heldInstanceId: string | undefined }
  /** For the audit log only. */
  | { readonly refused: 'bot_missing' | 'locked' | 'already_redeemed' | 'expired' | 'used_up' }

interface ReserveInput {
  readonly joinToken: string
  /** The revision of the token that the method judged. */
  readonly revision: string
  readonly keySha256: string
  /** Used when the key does not hold a use yet. */
  readonly newInstanceId: string
  readonly nowMs: number
  /** The time by the judged clock, by which tokens expire. */
  readonly judgedMs: number
}

/**
 * Reserves one use of a join token, whose proof was verified, for a key. However many joins race, no
 * more than `max_uses` succeed. A key that holds a use gets the same one again until its bot
 * certificate was used, because the answer may have been lost.
 *
 * @throws JoinUndecidedError when the token has changed since the proof was judged
 */
export async function reserveUse(
  tx: Transaction,
  input: ReserveInput,
  deps: { readonly resources: ResourceRepository; readonly locks: Locks },
): Promise<Reservation> {
  const { joinToken, keySha256, nowMs, judgedMs } = input
  const resource = await deps.resources.find(tx, 'join_token', joinToken)
  if (resource?.revision !== input.revision) throw new JoinUndecidedError()
  const { bot, max_uses: maxUses } = resource.spec as JoinTokenSpec
  if (!(await deps.resources.find(tx, 'bot', bot))) return { refused: 'bot_missing' }
  const held = await findTokenUse(tx, joinToken, keySha256)
  const subject = { joinToken, bot, botInstance: held?.instance_id }
  if (deps.locks.check(subject)) return { refused: 'locked' }
  if (held) {
    const instance = held.redeemed_ms === null ? await findInstance(tx, held.instance_id) : undefined
    return instance?.instance.bot_name === bot
      ? { bot, heldInstanceId: held.instance_id }
      : { refused: 'already_redeemed' }
  }
  const { expiresMs } = resource.metadata
  if (expiresMs !== undefined && expiresMs <= judgedMs) return { refused: 'expired' }
  const use = { token: joinToken, keySha256, instanceId: input.newInstanceId }
  if (!(await takeTokenUse(tx, use, maxUses, nowMs))) return { refused: 'used_up' }
  return { bot, heldInstanceId: undefined }
}
