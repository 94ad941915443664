import type { Clock } from '../../foundation/clock.ts'
import { addressKey } from '../../rpc/address-key.ts'
import { MalformedRequestError } from '../../rpc/errors.ts'
import type { BotCertificate } from '../../rpc/gen/signet/v1/BotCertificate.ts'
import type { JoinRequest__Output } from '../../rpc/gen/signet/v1/JoinRequest.ts'
import type { JoinResponse } from '../../rpc/gen/signet/v1/JoinResponse.ts'
import type { JoinStart__Output } from '../../rpc/gen/signet/v1/JoinStart.ts'
import type { RenewRequest__Output } from '../../rpc/gen/signet/v1/RenewRequest.ts'
import type { RenewResponse } from '../../rpc/gen/signet/v1/RenewResponse.ts'
import type { Ask, CallContext, ConversationLimits, Handlers } from '../../rpc/handlers.ts'
import { checkProtocol, ProtocolVersionError } from '../../rpc/protocol.ts'
import { fromTimestamp, toTimestamp } from '../../rpc/timestamp.ts'
import { RefusedError } from '../audit/errors.ts'
import type { BotCertificateOutput } from '../bots/issue-bot-certificate.ts'
import type { Renewer } from '../bots/renewer.ts'
import type { BotCaller, Caller } from '../caller.ts'
import { JoinClocksDifferError } from '../join/errors.ts'
import { JoinTurns } from '../join/join-turns.ts'
import type { Joiner, JoinInput } from '../join/joiner.ts'
import { RateLimiter } from '../rate-limiter.ts'
import { anonymousOf, botOf } from './bot-call.ts'

/**
 * A method sends one or two challenges and may have to ask another server. This bounds callers that
 * only want to hold a call open.
 */
const JOIN: ConversationLimits = { maxMessages: 8, maxBytes: 64 * 1024, maxMs: 20_000 }
/**
 * Failed joins of one address. Those above the limit learn only that they are too many; a right
 * proof from the same address gets through in its turn. No figure helps in guessing 256 random bits.
 */
const FAILURES = { perSecond: 5, burst: 50, maxKeys: 10_000 }
/**
 * Joins of one address that work at a time, whatever it did before; others wait for their turn. More of
 * them may work for as long as they could all fail and stay below the limit, and any number if none
 * failed lately. Each costs a check of a signature, the method's work and two transactions, which
 * administrators wait behind.
 */
const ALWAYS_AT_ONCE = 2
/** Successful joins of one address with one token. A rack that boots behind one address joins at once. */
const JOINS = { perSecond: 5, burst: 50, maxKeys: 10_000 }
/** Longer names are cut, as they are for the audit log. */
const MAX_TOKEN_LENGTH = 128
/** An agent renews once per half of a certificate's life, and more often only when answers are lost. */
const RENEWALS = { perSecond: 0.5, burst: 20, maxKeys: 100_000 }

interface JoinApiDeps {
  readonly joiner: Joiner
  readonly renewer: Renewer
  readonly clock: Clock
}

/** signet.v1.JoinService */
export function joinHandlers({
  joiner,
  renewer,
  clock,
}: JoinApiDeps): Handlers<Caller, 'signet.v1.JoinService'> {
  const failures = new RateLimiter(FAILURES, clock)
  const turns = new JoinTurns()
  const joins = new RateLimiter(JOINS, clock)
  const renewals = new RateLimiter(RENEWALS, clock)
  return {
    Join: {
      limits: JOIN,
      converse: async (
        caller: Caller,
        { start }: JoinRequest__Output,
        ask: Ask<JoinRequest__Output, JoinResponse>,
        { signal }: CallContext,
      ): Promise<JoinResponse> => {
        if (!start) throw new ProtocolVersionError('this join has no start: upgrade the agent')
        checkProtocol(start.protocolVersion)
        const { address } = anonymousOf(caller)
        const place = addressKey(address)
        const success = `${place} ${start.joinToken.slice(0, MAX_TOKEN_LENGTH)}`
        joins.take(success, 0, 1) // only a success uses it up
        const enter = (): Promise<Disposable> => {
          const mayFail = Math.min(turns.working(place) + 1, FAILURES.burst)
          const hasFailed = !failures.tryTake(place, 0, mayFail)
          return turns.enter(place, hasFailed ? ALWAYS_AT_ONCE : Number.POSITIVE_INFINITY, signal)
        }
        let turn = await enter()
        const conversation = {
          signal,
          ask: async (challenge: Buffer): Promise<Buffer> => {
            turn[Symbol.dispose]() // an agent that does not answer keeps nobody waiting
            const { answer } = await ask({ challenge }).finally(async () => {
              turn = await enter()
            })
            if (answer === undefined) throw new MalformedRequestError('the challenge was not answered')
            return answer
          },
        }
        const certificate = await joiner
          .join(toInput(start, address), conversation)
          .catch((error: unknown) => {
            if (isRefusal(error)) failures.take(place)
            throw error
          })
          .finally(() => turn[Symbol.dispose]())
        joins.charge(success, 1)
        return { certificate: toMessage(certificate) }
      },
    },
    Renew: {
      unary: async (caller: Caller, request: RenewRequest__Output): Promise<RenewResponse> => {
        checkProtocol(request.protocolVersion)
        const bot: BotCaller = botOf(caller)
        renewals.take(bot.instanceId)
        const certificate = await renewer.renew(bot, {
          publicKeyDer: request.publicKey,
          proof: request.proofOfPossession,
          agentTimeMs: fromTimestamp(request.agentTime),
          agentVersion: request.agentVersion,
        })
        return { certificate: toMessage(certificate) }
      },
    },
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof RefusedError || error instanceof JoinClocksDifferError
}

function toInput(start: JoinStart__Output, address: string): JoinInput {
  return {
    joinToken: start.joinToken,
    method: start.method,
    proof: start.proof,
    publicKeyDer: start.publicKey,
    proofOfPossession: start.proofOfPossession,
    agentTimeMs: fromTimestamp(start.agentTime),
    agentVersion: start.agentVersion,
    hostname: start.hostname,
    address,
  }
}

function toMessage(output: BotCertificateOutput): BotCertificate {
  return {
    chain: [...output.chain],
    roots: [...output.roots],
    trustDomain: output.trustDomain,
    bot: output.bot,
    botInstanceId: output.botInstanceId,
    generation: output.generation,
    notAfter: toTimestamp(output.notAfterMs),
    authorityTime: toTimestamp(output.authorityTimeMs),
  }
}
