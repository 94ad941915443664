import { generateKeyPair, type KeyPair } from '../../src/crypto/keys.ts'
import { proveSync } from '../../src/crypto/proof-of-possession.ts'
import { systemClock } from '../../src/foundation/clock.ts'
import { RpcClient } from '../../src/rpc/client.ts'
import { fetchAuthorityRoot } from '../../src/rpc/first-contact.ts'
import type { BotCertificate__Output } from '../../src/rpc/gen/signet/v1/BotCertificate.ts'
import type { JoinRequest } from '../../src/rpc/gen/signet/v1/JoinRequest.ts'
import type { JoinResponse__Output } from '../../src/rpc/gen/signet/v1/JoinResponse.ts'
import type { JoinStart } from '../../src/rpc/gen/signet/v1/JoinStart.ts'
import type { RenewResponse__Output } from '../../src/rpc/gen/signet/v1/RenewResponse.ts'
import type { SyncResponse__Output } from '../../src/rpc/gen/signet/v1/SyncResponse.ts'
import type { TestAuthority } from './start-authority.ts'

/** The address of an authority and how to verify it. */
type AuthorityPlace = Pick<TestAuthority, 'address' | 'pin' | 'trustDomain'>

/** A minimal agent: joined, with a channel that presents its bot certificate. */
export interface BotClient extends Disposable {
  readonly client: RpcClient
  readonly key: KeyPair
  readonly certificate: BotCertificate__Output
}

function addressOf(authority: AuthorityPlace): { host: string; port: number } {
  const at = authority.address.lastIndexOf(':')
  return { host: authority.address.slice(0, at), port: Number(authority.address.slice(at + 1)) }
}

/** Opens a channel without a client certificate, which may only join. */
export async function anonymousClient(authority: AuthorityPlace): Promise<RpcClient> {
  const { root } = await fetchAuthorityRoot(addressOf(authority), authority.pin, { clock: systemClock })
  const tls = { roots: [root], serverName: `authority.${authority.trustDomain}` }
  return new RpcClient({ target: { ...addressOf(authority), tls } })
}

/** Joins with a new join token of this bot. */
export async function joinBot(authority: TestAuthority, bot: string): Promise<BotClient> {
  const { name, secret } = await authority.createJoinToken(bot)
  return joinWith(authority, name, secret)
}

export async function joinWith(
  authority: AuthorityPlace,
  joinToken: string,
  secret: string,
  said: JoinStart = {},
): Promise<BotClient> {
  using client = await anonymousClient(authority)
  const key = await generateKeyPair()
  const certificate = await askToJoin(client, { ...authority, joinToken, secret }, key, said)
  return botClient(authority, key, certificate)
}

/** Joins with the method `secret`, which needs a single exchange. */
export async function askToJoin(
  client: RpcClient,
  place: { readonly trustDomain: string; readonly joinToken: string; readonly secret: string },
  key: KeyPair,
  said: JoinStart = {},
): Promise<BotCertificate__Output> {
  const { trustDomain, joinToken, secret } = place
  const start: JoinStart = {
    protocolVersion: 1,
    joinToken,
    publicKey: key.publicKeyDer,
    proofOfPossession: proveSync({ purpose: 'join', trustDomain, joinToken }, key),
    method: 'secret',
    proof: Buffer.from(secret),
    agentVersion: 'test',
    hostname: 'test-host',
    ...said,
  }
  using call = client.converse<JoinRequest, JoinResponse__Output>('signet.v1.JoinService', 'Join')
  const { certificate } = await call.say({ start })
  return certificate as BotCertificate__Output
}

/** Renews the certificate and opens a new channel with it, as an agent does. */
export async function renewBot(authority: TestAuthority, bot: BotClient): Promise<BotClient> {
  const { botInstanceId, generation } = bot.certificate
  const key = await generateKeyPair()
  const context = {
    purpose: 'renew',
    trustDomain: authority.trustDomain,
    botInstanceId,
    generation: Number(generation),
  } as const
  const { certificate } = await bot.client.unary<object, RenewResponse__Output>(
    'signet.v1.JoinService',
    'Renew',
    {
      protocolVersion: 1,
      publicKey: key.publicKeyDer,
      proofOfPossession: proveSync(context, key),
      agentVersion: 'test',
    },
  )
  return botClient(authority, key, certificate as BotCertificate__Output)
}

/** Opens a channel that presents this certificate, optionally to another host name of the authority. */
export function botClient(
  authority: AuthorityPlace,
  key: KeyPair,
  certificate: BotCertificate__Output,
  host?: string,
): BotClient {
  const { chain, roots } = certificate
  const serverName = `authority.${authority.trustDomain}`
  const tls = { roots, serverName, key: key.privateKey, chain }
  const target = { ...addressOf(authority), ...(host === undefined ? {} : { host }), tls }
  const client = new RpcClient({ target })
  return { client, key, certificate, [Symbol.dispose]: () => client.close() }
}

/** Reads a sync stream message by message and assembles snapshots. */
export class SyncReader implements Disposable {
  readonly #abort = new AbortController()
  readonly #messages: AsyncGenerator<SyncResponse__Output>
  /** The workload identities that an agent would know: name → revision. */
  readonly identities = new Map<string, string>()

  constructor(bot: BotClient) {
    const request = { protocolVersion: 1, agentVersion: 'test' }
    this.#messages = bot.client.stream('signet.v1.SyncService', 'Sync', request, {
      signal: this.#abort.signal,
    })
  }

  async next(): Promise<SyncResponse__Output> {
    const { value, done } = await this.#messages.next()
    if (done) throw new TypeError('the stream ended with OK')
    if (value.snapshotBegin) this.identities.clear()
    for (const name of value.removals) this.identities.delete(name)
    for (const { name, revision } of value.upserts) this.identities.set(name, revision)
    return value
  }

  /** Returns all messages up to the end of the next snapshot. */
  async snapshot(): Promise<SyncResponse__Output[]> {
    const messages = [await this.next()]
    while (messages.at(-1)?.snapshotEnd !== true) messages.push(await this.next())
    return messages
  }

  [Symbol.dispose](): void {
    this.#abort.abort()
  }
}
