import net from 'node:net'
import tls from 'node:tls'
import { generateKeyPair } from '../../src/crypto/keys.ts'
import { encodePem } from '../../src/crypto/pem.ts'
import { systemClock } from '../../src/foundation/clock.ts'
import { RpcClient } from '../../src/rpc/client.ts'
import { fetchAuthorityRoot } from '../../src/rpc/first-contact.ts'
import { askToJoin } from '../support/bot-client.ts'
import { PATHS } from '../support/frame-sequences.ts'
import type { Stack } from '../support/stack.ts'

/** A listener to attack. */
export interface Door {
  readonly name: string
  /** The methods to call. */
  readonly paths: readonly string[]
  /** The event for an established connection. */
  readonly opened: 'connect' | 'secureConnect'
  open(): net.Socket
}

const AUTHORITY_PATHS = [
  '/signet.v1.JoinService/Join',
  '/signet.v1.JoinService/Renew',
  '/signet.v1.IssuanceService/IssueX509Svids',
  '/signet.v1.IssuanceService/IssueJwtSvids',
  '/signet.v1.SyncService/Sync',
  '/signet.v1.ReportService/Report',
  '/grpc.health.v1.Health/Check',
  '/none',
]

export function unixDoor(path: string): Door {
  return { name: 'Unix', paths: PATHS, opened: 'connect', open: () => net.connect(path) }
}

export function anonymousTlsDoor(stack: Stack): Door {
  return tlsDoor('TLS without a certificate', stack, {})
}

/** Connects as a bot that has joined. */
export async function joinedTlsDoor(stack: Stack): Promise<Door> {
  const { root } = await fetchAuthorityRoot(addressOf(stack), stack.pin, { clock: systemClock })
  const trustDomain = stack.options.trustDomain ?? 'example.org'
  const target = { ...addressOf(stack), tls: { roots: [root], serverName: `authority.${trustDomain}` } }
  using client = new RpcClient({ target })
  const { name, secret } = await stack.createToken()
  const key = await generateKeyPair()
  const certificate = await askToJoin(client, { trustDomain, joinToken: name, secret }, key)
  const chain = certificate.chain.map((der) => encodePem('CERTIFICATE', Buffer.from(der))).join('')
  const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' })
  return tlsDoor('TLS', stack, { cert: chain, key: pem })
}

function tlsDoor(name: string, stack: Stack, identity: tls.ConnectionOptions): Door {
  const context = tls.createSecureContext({ ...identity, minVersion: 'TLSv1.3' })
  const { host, port } = addressOf(stack)
  return {
    name,
    paths: AUTHORITY_PATHS,
    opened: 'secureConnect',
    open: () =>
      tls.connect({ host, port, secureContext: context, ALPNProtocols: ['h2'], rejectUnauthorized: false }),
  }
}

function addressOf({ address }: Stack): { host: string; port: number } {
  const at = address.lastIndexOf(':')
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) }
}
