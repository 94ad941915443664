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
  /** By this host's clock, and how long it was good for then: the authority's clock may be another. */
  readonly receivedMs: number
  readonly lifeMs: number
}

/** What the agent must not lose: who it is, whom it trusts, and the key it may have asked a certificate for. */
export interface StoredIdentity {
  readonly trustDomain: string
  /** DER of the control roots. */
  readonly roots: readonly Buffer[]
  readonly joinToken: string
  readonly current?: BotIdentity
  /** Keys are on disk before anybody is asked to certify them, so that a lost answer can be asked for again. This one is for renewal … */
  readonly nextKey?: KeyPair
  /** … and this one to join with a token, for the first time or, once the identity is not accepted any more, again. */
  readonly joining?: { readonly token: string; readonly key: KeyPair }
}

/** When it ends, by this host's clock. */
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
    // A parser's message quotes what it read, and there are keys in it: only its kind is told.
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

  /** A whole number that is kept as text. */
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
