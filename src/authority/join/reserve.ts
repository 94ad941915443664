import { timingSafeEqual } from 'node:crypto'
import { findInstance } from '../bots/instance-repository.ts'
import type { Locks } from '../bots/locks.ts'
import type { ResourceRepository } from '../datastore/resource-repository.ts'
import type { JoinTokensTable, JoinTokenUsesTable } from '../datastore/schema/join-tables.ts'
import type { Writer } from '../datastore/writer.ts'
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
 * Reserves one use of a join token for a key. It runs inside the one writing transaction, so however many race, no more than
 * `max_uses` are given. The key that holds a use gets the same one again until its bot certificate was used: the answer may have
 * been lost.
 */
export function reserveUse(
  writer: Writer,
  input: ReserveInput,
  deps: { readonly resources: ResourceRepository; readonly locks: Locks },
): Reservation {
  const { joinToken, keySha256, nowMs, judgedMs } = input
  const resource = deps.resources.find(writer, 'join_token', joinToken)
  const [token] = writer.rows<JoinTokensTable>('join_tokens', 'WHERE name = ?', joinToken)
  const right = sameHash(hashSecret(input.secret), token?.secret_sha256 ?? ANY_HASH)
  if (!resource || !token) return { refused: 'unknown_token' }
  if (!right) return { refused: 'wrong_secret' }
  const { bot = '', method, max_uses: maxUses = 1 } = resource.spec as JoinTokenSpec
  if (method !== 'secret') return { refused: 'wrong_method' }
  if (!deps.resources.find(writer, 'bot', bot)) return { refused: 'bot_missing' }
  const [held] = writer.rows<JoinTokenUsesTable>(
    'join_token_uses',
    'WHERE token_name = ? AND key_sha256 = ?',
    joinToken,
    keySha256,
  )
  const subject = { joinToken, bot, botInstance: held?.instance_id }
  if (deps.locks.check(subject)) return { refused: 'locked' }
  if (held) {
    const waiting = held.redeemed_ms === null && findInstance(writer, held.instance_id)?.bot === bot
    return waiting ? { bot, heldInstanceId: held.instance_id } : { refused: 'already_redeemed' }
  }
  const { expiresMs } = resource.metadata
  if (expiresMs !== undefined && expiresMs <= judgedMs) return { refused: 'expired' }
  const taken = writer.run(
    'UPDATE join_tokens SET uses = uses + 1 WHERE name = ? AND uses < ?',
    joinToken,
    maxUses,
  )
  if (taken.changes === 0) return { refused: 'used_up' }
  writer.run(
    'INSERT INTO join_token_uses (token_name, key_sha256, instance_id, created_ms) VALUES (?, ?, ?, ?)',
    joinToken,
    keySha256,
    input.newInstanceId,
    nowMs,
  )
  return { bot, heldInstanceId: undefined }
}

function sameHash(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
