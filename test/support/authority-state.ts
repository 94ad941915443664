import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { ShownCertificate } from '../../src/authority/bots/bots.ts'
import type { BotCertificateOutput } from '../../src/authority/bots/issue-bot-certificate.ts'
import { Renewer } from '../../src/authority/bots/renewer.ts'
import type { JoinMethods } from '../../src/authority/join/join-method.ts'
import { JoinTokens } from '../../src/authority/join/join-tokens.ts'
import { type JoinConversation, Joiner, type JoinInput } from '../../src/authority/join/joiner.ts'
import { joinMethods } from '../../src/authority/join/methods/registry.ts'
import type { JwtConfig } from '../../src/authority/keys/jwt-algorithms.ts'
import type { CaLifetimes } from '../../src/authority/keys/key-factory.ts'
import { openState as openStateOfAuthority } from '../../src/authority/open-state.ts'
import type { JoinTokenSpec } from '../../src/config/join-methods/registry.ts'
import { generateKeyPair, type KeyPair, spkiSha256 } from '../../src/crypto/keys.ts'
import { proveSync } from '../../src/crypto/proof-of-possession.ts'
import { loadSealingKey } from '../../src/crypto/sealed.ts'
import { parseCertificate } from '../../src/crypto/x509.ts'
import type { Clock } from '../../src/foundation/clock.ts'
import { type Logger, silentLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { systemRandom } from '../../src/foundation/random.ts'
import { TrustDomain } from '../../src/spiffe/trust-domain.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

const LIFETIMES: CaLifetimes = {
  control_root: 10 * 365 * 86_400,
  control_issuing: 90 * 86_400,
  spiffe_ca: 30 * 86_400,
  jwt_key: 30 * 86_400,
}

interface StateOptions {
  readonly dataDir: string
  readonly clock?: Clock
  readonly logger?: Logger
  readonly kek?: Buffer
  readonly trustDomain?: string
  readonly lifetimes?: Partial<CaLifetimes>
  readonly jwt?: Partial<JwtConfig>
  readonly acceptAltered?: boolean
  /** Join methods in addition to those of the authority. */
  readonly methods?: JoinMethods
}

/** A private directory that is removed when it is disposed. */
export async function temporaryDirectory() {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'signet-state-'))
  return { path: directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) }
}

/** Opens the state of an authority with the authority's own code, and what joins and renewals need. */
export async function openState(options: StateOptions) {
  const { dataDir, clock = new FakeClock(), logger = silentLogger, acceptAltered = false } = options
  await using stack = new AsyncDisposableStack()
  const random = systemRandom
  const metrics = createMetrics()
  const state = await openStateOfAuthority(
    {
      dataDir,
      trustDomain: TrustDomain.parse(options.trustDomain ?? 'example.org'),
      kek: loadSealingKey(options.kek ?? Buffer.alloc(32, 7)),
      keySource: '/etc/signet/kek',
      lifetimes: { ...LIFETIMES, ...options.lifetimes },
      jwt: { algorithm: 'ES256', by_audience: {}, ...options.jwt },
      renewalGraceSeconds: 7 * 86_400,
    },
    { clock, random, logger, metrics, acceptAltered },
    stack,
  )
  const { datastore, vault, audit, keys, resources, locks, bots } = state
  const methods = new Map([...joinMethods({ random }), ...(options.methods ?? [])])
  const tokens = new JoinTokens({ methods, clock })
  const shared = { datastore, bots, keys, audit, clock, random, logger, botCertificateSeconds: 3600 }
  const joiner = stack.use(new Joiner({ ...shared, methods, judged: keys.judged, resources, locks, metrics }))
  const renewer = new Renewer(shared)
  const owned = stack.move()
  return {
    clock,
    datastore,
    vault,
    audit,
    keys,
    resources,
    locks,
    bots,
    tokens,
    joiner,
    renewer,
    metrics,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

export type AuthorityState = Awaited<ReturnType<typeof openState>>

/** Stores a join token and, if necessary, its bot. Returns the secret. */
export function createToken(
  state: AuthorityState,
  options: { name?: string; bot?: string; method?: string; maxUses?: number; expiresMs?: number } = {},
): Promise<string> {
  const { name = 'first', bot = 'builder', method = 'secret', maxUses = 1, expiresMs } = options
  return state.datastore.transaction(async (tx) => {
    const spec = { bot, method, max_uses: maxUses } as JoinTokenSpec
    const metadata = { labels: {}, ...(expiresMs === undefined ? {} : { expiresMs }) }
    if (!(await state.resources.find(tx, 'bot', bot))) {
      await state.resources.put(tx, { kind: 'bot', name: bot, metadata: { labels: {} }, spec: { roles: [] } })
    }
    await state.resources.put(tx, { kind: 'join_token', name, metadata, spec })
    return (await state.tokens.ensure(tx, name, spec)) ?? ''
  })
}

export function removeResource(state: AuthorityState, kind: string, name: string): Promise<boolean> {
  return state.datastore.transaction(async (tx) => state.resources.remove(tx, kind, name))
}

export async function putLock(state: AuthorityState, target: Record<string, string>): Promise<void> {
  const lock = { kind: 'lock', name: 'by-hand', metadata: { labels: {} }, spec: { target, reason: 'test' } }
  await state.datastore.transaction(async (tx) => state.resources.put(tx, lock))
}

/** The conversation of an agent that must not be challenged. */
export const UNCHALLENGED: JoinConversation = {
  ask: () => Promise.reject(new TypeError('challenged')),
  signal: new AbortController().signal,
}

/** Joins as an agent does. */
export function join(
  state: AuthorityState,
  key: KeyPair,
  secret: string,
  more: Partial<JoinInput> = {},
  conversation = UNCHALLENGED,
): Promise<BotCertificateOutput> {
  const { joinToken = 'first' } = more
  const input = {
    joinToken,
    method: 'secret',
    proof: Buffer.from(secret),
    publicKeyDer: key.publicKeyDer,
    proofOfPossession: proveSync(
      { purpose: 'join', trustDomain: state.keys.trustDomain.name, joinToken },
      key,
    ),
    agentVersion: '0.1.0',
    hostname: 'host',
    address: '192.0.2.1',
    ...more,
  }
  return state.joiner.join(input, conversation)
}

/** The caller of a new connection that presents this certificate. */
export function shown(certificate: BotCertificateOutput): ShownCertificate {
  const leaf = parseCertificate(certificate.chain[0] as Buffer)
  return {
    bot: leaf.subject.organization ?? '',
    instanceId: leaf.subject.commonName ?? '',
    generation: Number(leaf.subject.serialNumber),
    keySha256: spkiSha256(leaf.publicKeyDer),
    notAfter: leaf.notAfter,
    address: '192.0.2.1',
  }
}

/** Renews a certificate as an agent does. */
export function renew(
  state: AuthorityState,
  from: BotCertificateOutput | ShownCertificate,
  key: KeyPair,
): Promise<BotCertificateOutput> {
  const caller = 'chain' in from ? shown(from) : from
  const context = {
    purpose: 'renew',
    trustDomain: state.keys.trustDomain.name,
    botInstanceId: caller.instanceId,
    generation: caller.generation,
  } as const
  const proof = proveSync(context, key)
  return state.renewer.renew(caller, { publicKeyDer: key.publicKeyDer, proof, agentVersion: '0.1.0' })
}

/** Moves the clock in steps. The work that a step triggers has ended before the next step. */
export async function pass(
  state: AuthorityState,
  clock: FakeClock,
  ms: number,
  stepMs = ms,
  each: () => void = () => undefined,
): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(stepMs)
    await state.keys.settled()
    each()
  }
}

export function newKey(): Promise<KeyPair> {
  return generateKeyPair()
}

/** Returns the newest audit record of an event, with its parsed detail. */
export async function lastEvent(state: AuthorityState, event: string) {
  const [row] = await state.audit.list({ events: [event], limit: 1 })
  return row && { ...row, detail: JSON.parse(row.detailJson) as Record<string, unknown> }
}
