import { timingSafeEqual } from 'node:crypto'
import type { Locks } from '../bots/locks.ts'
import { findInstance } from '../datastore/instance-repository.ts'
import { findJoinToken, findTokenUse, takeTokenUse } from '../datastore/join-token-repository.ts'
import type { Transaction } from '../datastore/ports.ts'
import type { ResourceRepository } from '../datastore/resource-repository.ts'
import { hashSecret } from './join-tokens.ts'

/** Why a join was refused: for the audit log only. */
export type JoinRefusal =
  | 'bad_proof'
  | 'unknown_token'
  | 'wrong_secret'
  | 'wrong_method'
  | 'locked'
  | 'bot_missing'
  | 'already_redeemed'
  | 'expired'
  | 'used_up'

export type Reservation =
  | { readonly bot: string; readonly heldInstanceId: string | undefined }
  | { readonly refused: JoinRefusal }

export interface ReserveInput {
  readonly joinToken: string
  readonly secret: string
  readonly keySha256: string
  /** For a use that nobody holds yet. */
  readonly newInstanceId: string
  readonly nowMs: number
  /** The time, as far as it is certain. */
  readonly judgedMs: number
}

interface JoinTokenSpec {
  readonly bot?: string
  readonly method?: string
  readonly max_uses?: number
}

const ANY_HASH = hashSecret('')

/**
 * Reserves one use of a join token for a key. However many race, no more than `max_uses` are given. The key that holds a use gets the same one again until its bot certificate was used: the answer may have
 * been lost.
 */
export async function reserveUse(
  tx: Transaction,
  input: ReserveInput,
  deps: { readonly resources: ResourceRepository; readonly locks: Locks },
): Promise<Reservation> {
  const { joinToken, keySha256, nowMs, judgedMs } = input
  const resource = await deps.resources.find(tx, 'join_token', joinToken)
  const token = await findJoinToken(tx, joinToken)
  const right = sameHash(hashSecret(input.secret), token?.secret_sha256 ?? ANY_HASH)
  if (!resource || !token) return { refused: 'unknown_token' }
  if (!right) return { refused: 'wrong_secret' }
  const { bot = '', method, max_uses: maxUses = 1 } = resource.spec as JoinTokenSpec
  if (method !== 'secret') return { refused: 'wrong_method' }
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

function sameHash(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
