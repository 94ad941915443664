import { parsePublicKey, spkiSha256 } from '../../crypto/keys.ts'
import { checkProof } from '../../crypto/proof-of-possession.ts'
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
import { insertInstance, setPending } from '../datastore/instance-repository.ts'
import type { Datastore, Transaction } from '../datastore/ports.ts'
import type { ResourceRepository } from '../datastore/resource-repository.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import { JoinClocksDifferError } from './errors.ts'
import { JoinRefusals } from './join-refusals.ts'
import { type JoinRefusal, reserveUse } from './reserve.ts'

export interface JoinInput {
  readonly joinToken: string
  readonly secret: string
  /** SubjectPublicKeyInfo (DER) of the key that the bot certificate shall certify. */
  readonly publicKeyDer: Buffer
  readonly proof: Buffer
  readonly agentTimeMs?: number | undefined
  readonly agentVersion: string
  readonly hostname: string
  /** Where the call came from, for the audit log. */
  readonly address: string
}

export interface JoinerDeps {
  readonly datastore: Datastore
  readonly resources: ResourceRepository
  readonly locks: Locks
  readonly bots: Bots
  readonly keys: SigningKeys
  readonly audit: AuditLog
  readonly clock: Clock
  /** By which join tokens end. */
  readonly judged: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly botCertificateSeconds: number
}

const METHOD = 'secret'
const FIRST_GENERATION = 1
/** What verifiers allow, too. */
const CLOCKS_AGREE_MS = 60_000

/** Makes bot instances. Whom it refuses hears one flat sentence with a reference; the reason is in the audit log under it. */
export class Joiner implements AsyncDisposable {
  readonly #deps: JoinerDeps
  readonly #refusals: JoinRefusals
  readonly #total: Counter

  constructor(deps: JoinerDeps) {
    this.#deps = deps
    this.#refusals = new JoinRefusals(deps)
    this.#total = deps.metrics.counter('join_total', 'Joins asked for', ['method', 'result'])
  }

  async join(request: JoinInput): Promise<BotCertificateOutput> {
    parsePublicKey(request.publicKeyDer)
    const input = bounded(request)
    const context = {
      purpose: 'join',
      trustDomain: this.#deps.keys.trustDomain.name,
      joinToken: request.joinToken,
    } as const
    const proven = checkProof(context, request.publicKeyDer, request.proof)
    const outcome = await this.#deps.datastore.transaction(async (tx) =>
      proven ? this.#decide(tx, input) : this.#refuse(tx, input, 'bad_proof'),
    )
    if (outcome instanceof RefusedError) {
      this.#total.inc({ method: METHOD, result: 'refused' })
      throw clocksDiffer(outcome, input.agentTimeMs, this.#deps.clock.now().getTime()) ?? outcome
    }
    this.#total.inc({ method: METHOD, result: 'accepted' })
    return outcome
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#refusals[Symbol.asyncDispose]()
  }

  async #decide(tx: Transaction, input: JoinInput): Promise<BotCertificateOutput | RefusedError> {
    const { clock, judged, random } = this.#deps
    const nowMs = clock.now().getTime()
    const judgedMs = judged.now().getTime()
    const keySha256 = spkiSha256(input.publicKeyDer)
    const newInstanceId = createUlid(nowMs, random)
    const { joinToken, secret } = input
    const asked = { joinToken, secret, keySha256, newInstanceId, nowMs, judgedMs }
    const reserved = await reserveUse(tx, asked, this.#deps)
    if ('refused' in reserved) return this.#refuse(tx, input, reserved.refused)
    const { bot, heldInstanceId } = reserved
    const { agentVersion, hostname } = input
    if (heldInstanceId === undefined) {
      await insertInstance(
        tx,
        { id: newInstanceId, bot, joinToken, joinMethod: METHOD, agentVersion, hostname },
        nowMs,
      )
    }
    const botInstance = heldInstanceId ?? newInstanceId
    return this.#certify(
      tx,
      input,
      { bot, botInstance, keySha256, repeated: heldInstanceId !== undefined },
      nowMs,
    )
  }

  async #certify(
    tx: Transaction,
    input: JoinInput,
    joined: { bot: string; botInstance: string; keySha256: string; repeated: boolean },
    nowMs: number,
  ): Promise<BotCertificateOutput> {
    const { keys, random, bots, audit, logger, botCertificateSeconds } = this.#deps
    const { bot, botInstance, keySha256, repeated } = joined
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
    const { agentVersion, hostname, joinToken } = input
    await setPending(
      tx,
      botInstance,
      { generation: FIRST_GENERATION, keySha256, notAfterMs, agentVersion },
      nowMs,
    )
    await bots.adopt(tx, botInstance)
    const subject = { bot, botInstance }
    audit.within(tx, 'join.accepted', `bot:${bot}/${botInstance}`, {
      ...subject,
      joinToken,
      method: METHOD,
      keySha256,
      serial,
      notAfter: notAfterMs / 1000,
      repeated,
      agentVersion,
      hostname,
      address: input.address,
      ...noteClockSkew(input.agentTimeMs, nowMs, subject, logger),
    })
    return certificate
  }

  #refuse(tx: Transaction, input: JoinInput, reason: JoinRefusal): RefusedError {
    const { joinToken, hostname, address } = input
    return this.#refusals.record(tx, {
      joinToken,
      method: METHOD,
      reason,
      keySha256: spkiSha256(input.publicKeyDer),
      hostname,
      address,
    })
  }
}

/**
 * Where the clocks are apart, a refusal may be due to that and pass with it; the agent is told to come again, whatever the reason was, so that
 * nothing can be learned from it.
 */
function clocksDiffer(
  { reference }: RefusedError,
  agentTimeMs: number | undefined,
  nowMs: number,
): JoinClocksDifferError | undefined {
  if (agentTimeMs === undefined || Math.abs(agentTimeMs - nowMs) <= CLOCKS_AGREE_MS) return undefined
  return new JoinClocksDifferError(reference, agentTimeMs, nowMs)
}

/** What anybody may send is kept short before it is stored. */
function bounded(request: JoinInput): JoinInput {
  return {
    ...request,
    joinToken: request.joinToken.slice(0, 128),
    agentVersion: request.agentVersion.slice(0, 64),
    hostname: request.hostname.slice(0, 253),
  }
}
