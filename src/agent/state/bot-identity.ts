import { exportPkcs8, type KeyPair, loadKeyPair } from '../../crypto/keys.ts'
import { messageOf } from '../../foundation/errors.ts'
import { StateUnreadableError } from './errors.ts'

/** The bot certificate in use, with its key. */
export interface BotIdentity {
  readonly bot: string
  readonly botInstanceId: string
  readonly generation: number
  /** DER, leaf first, without the root. */
  readonly chain: readonly Buffer[]
  readonly key: KeyPair
  /**
   * When the certificate was received, by this host's clock, and its remaining life then. Both are
   * relative to this host's clock because the authority's may differ.
   */
  readonly receivedMs: number
  readonly lifeMs: number
}

/**
 * What the agent must not lose: its identity, the roots that it trusts, and the keys for which it
 * may have requested certificates.
 */
export interface StoredIdentity {
  readonly trustDomain: string
  /** The control roots, DER. */
  readonly roots: readonly Buffer[]
  readonly joinToken: string
  readonly current?: BotIdentity
  /**
   * The key of the next renewal. Keys are saved before a certificate is requested for them, so that
   * a request whose response was lost can be repeated.
   */
  readonly nextKey?: KeyPair
  /**
   * The key of a join with this token: the first join, or another one after the identity was
   * refused.
   */
  readonly joining?: { readonly token: string; readonly key: KeyPair }
}

/** When the certificate expires, by this host's clock, in milliseconds since 1970. */
export function expiresMs(identity: BotIdentity): number {
  return identity.receivedMs + identity.lifeMs
}

const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64')
const formatKey = (key: KeyPair): string => base64(exportPkcs8(key.privateKey))

export function formatStoredIdentity(stored: StoredIdentity): string {
  const { trustDomain, roots, joinToken, current, nextKey, joining } = stored
  const text = {
    version: 1,
    trust_domain: trustDomain,
    roots: roots.map(base64),
    join_token: joinToken,
    ...(current && {
      current: {
        bot: current.bot,
        bot_instance_id: current.botInstanceId,
        generation: String(current.generation),
        chain: current.chain.map(base64),
        key: formatKey(current.key),
        received_ms: current.receivedMs,
        life_ms: current.lifeMs,
      },
    }),
    ...(nextKey && { next_key: formatKey(nextKey) }),
    ...(joining && { joining: { token: joining.token, key: formatKey(joining.key) } }),
  }
  return `${JSON.stringify(text, undefined, 2)}\n`
}

/** @throws StateUnreadableError */
export function parseStoredIdentity(text: string): StoredIdentity {
  try {
    const found = new Fields(JSON.parse(text))
    if (found.number('version') !== 1) throw new StateUnreadableError('written by another version')
    const current = found.optional('current')
    const nextKey = found.has('next_key') ? loadKeyPair(found.der('next_key')) : undefined
    const joining = found.optional('joining')
    return {
      trustDomain: found.text('trust_domain'),
      roots: found.ders('roots'),
      joinToken: found.text('join_token'),
      ...(current && { current: parseIdentity(current) }),
      ...(nextKey && { nextKey }),
      ...(joining && { joining: { token: joining.text('token'), key: loadKeyPair(joining.der('key')) } }),
    }
  } catch (error) {
    if (error instanceof StateUnreadableError) throw error
    // The parser's message may quote the input, which contains keys.
    const detail = error instanceof SyntaxError ? 'not JSON' : messageOf(error)
    throw new StateUnreadableError('the bot identity on disk cannot be read', { detail })
  }
}

function parseIdentity(found: Fields): BotIdentity {
  return {
    bot: found.text('bot'),
    botInstanceId: found.text('bot_instance_id'),
    generation: found.count('generation'),
    chain: found.ders('chain'),
    key: loadKeyPair(found.der('key')),
    receivedMs: found.number('received_ms'),
    lifeMs: found.number('life_ms'),
  }
}

/** Typed access to JSON that only this program should have written. */
class Fields {
  readonly #object: Readonly<Record<string, unknown>>

  constructor(value: unknown) {
    if (typeof value !== 'object' || value === null) throw new StateUnreadableError('not an object')
    this.#object = value as Record<string, unknown>
  }

  has(name: string): boolean {
    return this.#object[name] !== undefined
  }

  optional(name: string): Fields | undefined {
    return this.has(name) ? new Fields(this.#object[name]) : undefined
  }

  text(name: string): string {
    const value = this.#object[name]
    if (typeof value !== 'string' || value === '') throw new StateUnreadableError(`${name} is missing`)
    return value
  }

  number(name: string): number {
    const value = this.#object[name]
    if (typeof value !== 'number') throw new StateUnreadableError(`${name} is missing`)
    return value
  }

  /** A positive whole number stored as text. */
  count(name: string): number {
    const value = Number(this.text(name))
    if (!Number.isSafeInteger(value) || value < 1) throw new StateUnreadableError(`${name} is no number`)
    return value
  }

  der(name: string): Buffer {
    return Buffer.from(this.text(name), 'base64')
  }

  ders(name: string): Buffer[] {
    const value = this.#object[name]
    const isList = Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string')
    if (!isList) throw new StateUnreadableError(`${name} is missing`)
    return value.map((each) => Buffer.from(each, 'base64'))
  }
}
