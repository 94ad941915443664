import { parsePublicKey, spkiSha256 } from '../../crypto/keys.ts'
import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Counter, Metrics } from '../../foundation/metrics.ts'
import type { Random } from '../../foundation/random.ts'
import { createUlid } from '../../foundation/ulid.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { RefusedError } from '../audit/errors.ts'
import type { Bots } from '../bots/bots.ts'
import { type BotCertificateOutput, issueBotCertificate } from '../bots/issue-bot-certificate.ts'
import type { Locks } from '../bots/locks.ts'
import { noteClockSkew } from '../bots/note-clock-skew.ts'
import { insertInstance, setPending, setProven } from '../datastore/instance-repository.ts'
import type { Datastore, Transaction } from '../datastore/ports.ts'
import type { ResourceRepository } from '../datastore/resource-repository.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import { JoinClocksDifferError } from './errors.ts'
import type { JoinMethods } from './join-method.ts'
import { JoinRefusals } from './join-refusals.ts'
import { reserveUse } from './reserve.ts'
import { type UnprovenJoin, type VerifiedJoin, verifyJoin } from './verify-join.ts'

export interface JoinInput {
  readonly joinToken: string
  /** The join method that the proof is for. */
  readonly method: string
  /** The first proof of that method. */
  readonly proof: Buffer
  /** SubjectPublicKeyInfo (DER) of the key to certify. */
  readonly publicKeyDer: Buffer
  readonly proofOfPossession: Buffer
  readonly agentTimeMs?: number | undefined
  readonly agentVersion: string
  readonly hostname: string
  /** The remote address, for the audit log. */
  readonly address: string
}

/** The conversation with the agent while it waits. */
export interface JoinConversation {
  /** Sends a challenge and returns the answer. */
  ask(challenge: Buffer): Promise<Buffer>
  /** Aborts when the call ends. */
  readonly signal: AbortSignal
}

interface JoinerDeps {
  readonly datastore: Datastore
  readonly resources: ResourceRepository
  readonly locks: Locks
  readonly bots: Bots
  readonly keys: SigningKeys
  readonly methods: JoinMethods
  readonly audit: AuditLog
  readonly clock: Clock
  /** The clock by which join tokens expire. */
  readonly judged: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly botCertificateSeconds: number
}

const FIRST_GENERATION = 1
/** The leeway that verifiers of tokens commonly allow, too. */
const CLOCKS_AGREE_MS = 60_000

/**
 * Creates bot instances. A refused caller gets one sentence with a reference, under which the audit
 * log has the reason.
 */
export class Joiner implements AsyncDisposable {
  readonly #deps: JoinerDeps
  readonly #refusals: JoinRefusals
  readonly #total: Counter

  constructor(deps: JoinerDeps) {
    this.#deps = deps
    this.#refusals = new JoinRefusals(deps)
    this.#total = deps.metrics.counter('join_total', 'Requested joins', ['method', 'result'])
  }

  /**
   * Verifies the proof first, which may take the method some time. Then it reserves a use of the
   * token and issues the certificate in one transaction (decision 0028).
   * @throws RefusedError
   * @throws JoinUndecidedError
   * @throws JoinClocksDifferError
   */
  async join(request: JoinInput, conversation: JoinConversation): Promise<BotCertificateOutput> {
    parsePublicKey(request.publicKeyDer)
    const input = bounded(request)
    const trustDomain = this.#deps.keys.trustDomain.name
    const verified = await verifyJoin(input, conversation, { ...this.#deps, trustDomain })
    const outcome = await this.#deps.datastore.transaction(async (tx) =>
      'refused' in verified ? this.#refuse(tx, input, verified) : this.#decide(tx, input, verified),
    )
    // A made-up method name must not create a metric series of its own.
    const method = this.#deps.methods.has(input.method) ? input.method : 'unknown'
    if (outcome instanceof RefusedError) {
      this.#total.inc({ method, result: 'refused' })
      throw clocksDiffer(outcome, input.agentTimeMs, this.#deps.clock.now().getTime()) ?? outcome
    }
    this.#total.inc({ method, result: 'accepted' })
    return outcome
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#refusals[Symbol.asyncDispose]()
  }

  async #decide(
    tx: Transaction,
    input: JoinInput,
    { revision, attributes }: VerifiedJoin,
  ): Promise<BotCertificateOutput | RefusedError> {
    const { clock, judged, random } = this.#deps
    const nowMs = clock.now().getTime()
    const judgedMs = judged.now().getTime()
    const keySha256 = spkiSha256(input.publicKeyDer)
    const newInstanceId = createUlid(nowMs, random)
    const { joinToken, method: joinMethod, agentVersion, hostname } = input
    const wanted = { joinToken, revision, keySha256, newInstanceId, nowMs, judgedMs }
    const reserved = await reserveUse(tx, wanted, this.#deps)
    if ('refused' in reserved) return this.#refuse(tx, input, { ...reserved, standing: 'proven' })
    const { bot, heldInstanceId } = reserved
    const proven = { joinMethod, joinAttributes: attributes }
    if (heldInstanceId !== undefined) await setProven(tx, heldInstanceId, proven)
    else {
      const instance = { id: newInstanceId, bot, joinToken, ...proven, agentVersion, hostname }
      await insertInstance(tx, instance, nowMs)
    }
    const botInstance = heldInstanceId ?? newInstanceId
    const joined = { bot, botInstance, keySha256, attributes, repeated: heldInstanceId !== undefined }
    return this.#certify(tx, input, joined, nowMs)
  }

  async #certify(
    tx: Transaction,
    input: JoinInput,
    joined: {
      readonly bot: string
      readonly botInstance: string
      readonly keySha256: string
      readonly attributes: VerifiedJoin['attributes']
      readonly repeated: boolean
    },
    nowMs: number,
  ): Promise<BotCertificateOutput> {
    const { keys, random, bots, audit, logger, botCertificateSeconds } = this.#deps
    const { bot, botInstance, keySha256 } = joined
    const certificate = issueBotCertificate(
      {
        publicKeyDer: input.publicKeyDer,
        trustDomain: keys.trustDomain.name,
        bot,
        botInstanceId: botInstance,
        generation: FIRST_GENERATION,
        ttlSeconds: botCertificateSeconds,
        nowMs,
      },
      keys.current(),
      random,
    )
    const { notAfterMs, serial } = certificate
    const { agentVersion, hostname, joinToken, method, address } = input
    const certified = { generation: FIRST_GENERATION, keySha256, notAfterMs, agentVersion }
    await setPending(tx, botInstance, certified, nowMs)
    await bots.adopt(tx, botInstance)
    audit.within(tx, 'join.accepted', `bot:${bot}/${botInstance}`, {
      ...joined,
      joinToken,
      method,
      serial,
      notAfter: notAfterMs / 1000,
      agentVersion,
      hostname,
      address,
      ...noteClockSkew(input.agentTimeMs, nowMs, { bot, botInstance }, logger),
    })
    return certificate
  }

  #refuse(tx: Transaction, input: JoinInput, { refused: reason, standing }: UnprovenJoin): RefusedError {
    const { joinToken, method, hostname, address } = input
    const keySha256 = spkiSha256(input.publicKeyDer)
    return this.#refusals.record(tx, { joinToken, method, reason, keySha256, hostname, address }, standing)
  }
}

/**
 * When the clocks differ, that may be why the join was refused. The agent is then told to try again,
 * whatever the reason, so that the answer discloses nothing.
 */
function clocksDiffer(
  { reference }: RefusedError,
  agentTimeMs: number | undefined,
  nowMs: number,
): JoinClocksDifferError | undefined {
  if (agentTimeMs === undefined || Math.abs(agentTimeMs - nowMs) <= CLOCKS_AGREE_MS) return undefined
  return new JoinClocksDifferError(reference, agentTimeMs, nowMs)
}

/** Cuts strings that anybody may send to a bounded length before they are stored. */
function bounded(request: JoinInput): JoinInput {
  return {
    ...request,
    joinToken: request.joinToken.slice(0, 128),
    method: request.method.slice(0, 64),
    agentVersion: request.agentVersion.slice(0, 64),
    hostname: request.hostname.slice(0, 253),
  }
}
