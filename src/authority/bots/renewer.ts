import { parsePublicKey, spkiSha256 } from '../../crypto/keys.ts'
import { checkProof } from '../../crypto/proof-of-possession.ts'
import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Random } from '../../foundation/random.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { RevisionConflictError } from '../datastore/errors.ts'
import { findInstance, setPending } from '../datastore/instance-repository.ts'
import type { Datastore, Transaction } from '../datastore/ports.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import type { Bots, ShownCertificate } from './bots.ts'
import { type BotCertificateOutput, issueBotCertificate } from './issue-bot-certificate.ts'
import { noteClockSkew } from './note-clock-skew.ts'

interface RenewInput {
  /** SubjectPublicKeyInfo (DER) of the next key. */
  readonly publicKeyDer: Buffer
  /**
   * Proof of possession by the next key, over trust domain, instance and the generation of the
   * presented certificate.
   */
  readonly proof: Buffer
  readonly agentTimeMs?: number | undefined
  readonly agentVersion: string
}

interface RenewerDeps {
  readonly datastore: Datastore
  readonly bots: Bots
  readonly keys: SigningKeys
  readonly audit: AuditLog
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly botCertificateSeconds: number
}

/**
 * Issues an instance's next certificate in two phases (decision 0013). Generation n+1 stays pending
 * until it is first used. So a lost answer does no harm: asking again from n gives n+1 again.
 */
export class Renewer {
  readonly #deps: RenewerDeps

  constructor(deps: RenewerDeps) {
    this.#deps = deps
  }

  async renew(caller: ShownCertificate, input: RenewInput): Promise<BotCertificateOutput> {
    const { datastore, bots, keys } = this.#deps
    parsePublicKey(input.publicKeyDer)
    bots.use(caller, 'renewal')
    const { instanceId: botInstanceId, generation } = caller
    const context = {
      purpose: 'renew',
      trustDomain: keys.trustDomain.name,
      botInstanceId,
      generation,
    } as const
    if (!checkProof(context, input.publicKeyDer, input.proof))
      throw bots.refuse(caller, 'bad_proof', 'renewal')
    const keySha256 = spkiSha256(input.publicKeyDer)
    if (keySha256 === caller.keySha256) throw bots.refuse(caller, 'same_key', 'renewal')
    try {
      return await datastore.transaction((tx) => this.#certify(tx, caller, input, keySha256))
    } catch (error) {
      if (error instanceof RevisionConflictError) await bots.reload(botInstanceId)
      throw error
    }
  }

  async #certify(
    tx: Transaction,
    caller: ShownCertificate,
    input: RenewInput,
    keySha256: string,
  ): Promise<BotCertificateOutput> {
    const { bots, keys, audit, clock, random, logger, botCertificateSeconds } = this.#deps
    // Checked again, because since the call began a lock may have been created or a newer generation
    // used.
    const { id, bot, generation: current } = bots.use(caller, 'renewal')
    const generation = current + 1
    const stored = await findInstance(tx, id)
    const pending = stored?.generations.find(({ state }) => state === 'pending')
    const nowMs = clock.now().getTime()
    const certificate = issueBotCertificate(
      {
        publicKeyDer: input.publicKeyDer,
        trustDomain: keys.trustDomain.name,
        bot,
        botInstanceId: id,
        generation,
        ttlSeconds: botCertificateSeconds,
        nowMs,
      },
      keys.current(),
      random,
    )
    const { notAfterMs, serial } = certificate
    const agentVersion = input.agentVersion.slice(0, 64)
    await setPending(tx, id, { generation, keySha256, notAfterMs, agentVersion }, nowMs)
    await bots.adopt(tx, id)
    const subject = { bot, botInstance: id }
    audit.within(tx, 'renewal.accepted', `bot:${bot}/${id}`, {
      ...subject,
      generation,
      keySha256,
      serial,
      notAfter: notAfterMs / 1000,
      repeated: pending?.key_sha256 === keySha256,
      afterExpiry: caller.notAfter * 1000 < nowMs,
      address: caller.address,
      ...noteClockSkew(input.agentTimeMs, nowMs, subject, logger),
    })
    return certificate
  }
}
