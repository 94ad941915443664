import { generateKeyPair, type KeyPair } from '../../src/crypto/keys.ts'
import { systemClock } from '../../src/foundation/clock.ts'
import { RpcClient } from '../../src/rpc/client.ts'
import { fetchAuthorityRoot } from '../../src/rpc/first-contact.ts'
import type { IssueJwtSvidsResponse__Output } from '../../src/rpc/gen/signet/v1/IssueJwtSvidsResponse.ts'
import type { IssueX509SvidsResponse__Output } from '../../src/rpc/gen/signet/v1/IssueX509SvidsResponse.ts'
import type { SyncResponse__Output } from '../../src/rpc/gen/signet/v1/SyncResponse.ts'
import { PROTOCOL_VERSION } from '../../src/rpc/protocol.ts'
import { askToJoin } from '../support/bot-client.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../support/stack.ts'
import type { Figure } from './figure.ts'
import { usageOf } from './process-usage.ts'

const BATCH = 64
const IN_FLIGHT = 8
const UID = 1000

/**
 * Rate of SVIDs issued over the authority's gRPC, each with its durable audit record, with few and
 * with many workload identities.
 */
export async function measureAuthority(seconds: number): Promise<Figure[]> {
  await using stack = await Stack.create()
  await stack.startAuthority()
  await stack.apply(`${DEFAULT_RESOURCES}---${identityFor(UID)}`)
  using bot = await BenchBot.join(stack)
  const figures = [...(await bot.measure(seconds, 'beside 1 workload identity'))]
  const many = Array.from({ length: 10_000 }, (_, n) => identityFor(70_000 + n, `many-${n}`))
  await stack.apply(many.join('---'))
  figures.push(...(await bot.measure(seconds, 'beside 10 000')))
  return figures
}

/** A minimal agent: it joins like any agent and knows one revision. */
class BenchBot implements Disposable {
  readonly #client: RpcClient
  readonly #authorityPid: number
  readonly #claim: object
  readonly #key: KeyPair

  private constructor(client: RpcClient, authorityPid: number, claim: object, key: KeyPair) {
    this.#client = client
    this.#authorityPid = authorityPid
    this.#claim = claim
    this.#key = key
  }

  static async join(stack: Stack): Promise<BenchBot> {
    const { name: joinToken, secret } = await stack.createToken()
    const [host = '', port = ''] = stack.address.split(':')
    const address = { host, port: Number(port) }
    const { root, trustDomain } = await fetchAuthorityRoot(address, stack.pin, { clock: systemClock })
    const serverName = `authority.${trustDomain}`
    const key = await generateKeyPair()
    using anonymous = new RpcClient({ target: { ...address, tls: { roots: [root], serverName } } })
    const { chain } = await askToJoin(anonymous, { trustDomain, joinToken, secret }, key)
    const client = new RpcClient({
      target: { ...address, tls: { roots: [root], serverName, key: key.privateKey, chain } },
    })
    const revision = await revisionOf(client, 'web')
    const claim = {
      workloadIdentity: 'web',
      revision,
      spiffeId: `spiffe://${trustDomain}/web`,
      workloadAttributesJson: JSON.stringify({ unix: { uid: UID } }),
    }
    return new BenchBot(client, stack.authority.pid, claim, key)
  }

  async measure(seconds: number, beside: string): Promise<Figure[]> {
    const x509 = Array.from({ length: BATCH }, () => ({
      claim: this.#claim,
      publicKey: this.#key.publicKeyDer,
    }))
    const jwt = Array.from({ length: BATCH }, () => ({ claim: this.#claim, audience: ['bench'] }))
    return [
      await this.#rate(`X.509-SVIDs over the authority's gRPC, audited, ${beside}`, seconds, async () => {
        const answer = await this.#ask<IssueX509SvidsResponse__Output>('IssueX509Svids', x509)
        return answer.results.filter(({ issued }) => issued).length
      }),
      await this.#rate(`JWT-SVIDs over the authority's gRPC, audited, ${beside}`, seconds, async () => {
        const answer = await this.#ask<IssueJwtSvidsResponse__Output>('IssueJwtSvids', jwt)
        return answer.results.filter(({ issued }) => issued).length
      }),
    ]
  }

  #ask<Res extends object>(method: string, requests: object[]): Promise<Res> {
    return this.#client.unary<object, Res>('signet.v1.IssuanceService', method, { requests })
  }

  async #rate(what: string, seconds: number, ask: () => Promise<number>): Promise<Figure> {
    await ask() // warm
    const before = usageOf(this.#authorityPid)
    const begun = performance.now()
    const end = begun + seconds * 1000
    let issued = 0
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        while (performance.now() < end) {
          const got = await ask()
          issued += got // not `issued += await`, which would add to the value from before the wait
        }
      }),
    )
    const took = (performance.now() - begun) / 1000
    const cpu = usageOf(this.#authorityPid).cpuMicros - before.cpuMicros
    return {
      what,
      value: issued / took,
      unit: '/s',
      detail: { 'authority µs each': cpu / issued, batch: BATCH },
    }
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}

async function revisionOf(client: RpcClient, name: string): Promise<string> {
  const stop = new AbortController()
  const request = { protocolVersion: PROTOCOL_VERSION, agentVersion: '0.1.0' }
  const stream = client.stream<object, SyncResponse__Output>('signet.v1.SyncService', 'Sync', request, {
    signal: stop.signal,
  })
  for await (const { upserts } of stream) {
    const found = upserts.find((identity) => identity.name === name)
    if (found) return found.revision
  }
  throw new Error(`the authority did not name ${name}`)
}
