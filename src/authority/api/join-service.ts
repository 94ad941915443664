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
import type { BotCertificateOutput } from '../bots/issue-bot-certificate.ts'
import type { Renewer } from '../bots/renewer.ts'
import type { BotCaller, Caller } from '../caller.ts'
import type { Joiner, JoinInput } from '../join/joiner.ts'
import { RateLimiter } from '../rate-limiter.ts'
import { anonymousOf, botOf } from './bot-call.ts'

/**
 * A method sends one or two challenges and may have to ask another server. This bounds callers that
 * only want to hold a call open.
 */
const JOIN: ConversationLimits = { maxMessages: 8, maxBytes: 64 * 1024, maxMs: 20_000 }
/**
 * A rack that boots behind one address joins at the same time. Neither figure helps in guessing a
 * secret of 256 random bits.
 */
const JOINS = { perSecond: 5, burst: 50, maxKeys: 10_000 }
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
        joins.take(addressKey(address))
        const conversation = {
          signal,
          ask: async (challenge: Buffer): Promise<Buffer> => {
            const { answer } = await ask({ challenge })
            if (answer === undefined) throw new MalformedRequestError('the challenge was not answered')
            return answer
          },
        }
        const certificate = await joiner.join(toInput(start, address), conversation)
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
