import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import type { IdentityClaim__Output } from '../../rpc/gen/signet/v1/IdentityClaim.ts'
import type { IssueJwtSvidsRequest__Output } from '../../rpc/gen/signet/v1/IssueJwtSvidsRequest.ts'
import type { IssueJwtSvidsResponse } from '../../rpc/gen/signet/v1/IssueJwtSvidsResponse.ts'
import type { IssueX509SvidsRequest__Output } from '../../rpc/gen/signet/v1/IssueX509SvidsRequest.ts'
import type { IssueX509SvidsResponse } from '../../rpc/gen/signet/v1/IssueX509SvidsResponse.ts'
import type { CallContext, Handlers } from '../../rpc/handlers.ts'
import { toStatus } from '../../rpc/status.ts'
import { Plausible } from '../audit/plausible.ts'
import type { BotInstance } from '../bots/bot-instance.ts'
import type { InstanceConnections } from '../bots/instance-connections.ts'
import { actorOf, type Caller } from '../caller.ts'
import { jsonBytes } from '../issuance/answer-size.ts'
import type { Asking, Claim } from '../issuance/claim.ts'
import type { Issuer, Outcome } from '../issuance/issuer.ts'
import { MAX_REQUESTS } from '../issuance/life-limits.ts'
import type { SvidRate } from '../issuance/svid-rate.ts'
import { instanceOf } from './bot-call.ts'

/** The batch has more requests than one call may carry. */
class BatchTooLongError extends CodedError {
  override readonly name = 'BatchTooLongError'
  readonly code = 'ERR_ISSUANCE_BATCH_TOO_LONG'
  readonly kind = 'invalid_argument'
}

export interface IssuanceApiDeps {
  readonly issuer: Issuer
  readonly connections: Pick<InstanceConnections, 'use'>
  readonly clock: Clock
  /** A long request counts as several SVIDs, because the log stores it in full. */
  readonly rate: SvidRate
}

const COST_BYTES = 1024
/** The most bytes that JSON takes for one UTF-16 code unit: `\u0001`. */
const MAX_BYTES_OF_UNIT = 6

const NO_CLAIM: Claim = {
  workloadIdentity: '',
  revision: '',
  spiffeId: '',
  workloadAttributesJson: '',
  asked: {},
}

/** signet.v1.IssuanceService */
export function issuanceHandlers(deps: IssuanceApiDeps): Handlers<Caller, 'signet.v1.IssuanceService'> {
  const { issuer, connections, clock, rate } = deps
  const plausibleFor = ({ joinedMs }: BotInstance): (() => Plausible) => {
    const nowMs = clock.now().getTime()
    return () => new Plausible(joinedMs, nowMs)
  }
  return {
    IssueX509Svids: {
      unary: async (
        caller: Caller,
        request: IssueX509SvidsRequest__Output,
        context: CallContext,
      ): Promise<IssueX509SvidsResponse> => {
        checkLength(request.requests)
        const instance = instanceOf(connections, caller)
        rate.takeX509(
          instance.id,
          request.requests.map(({ claim }) => costOf(claim, [])),
        )
        const plausible = plausibleFor(instance)
        const asked = request.requests.map(({ claim, publicKey }) => ({
          claim: toClaim(claim, plausible()),
          publicKey,
        }))
        const outcomes = await issuer.issueX509(actorOf(caller), instance, asked, (bytes) =>
          context.expectAnswer(bytes),
        )
        return {
          results: outcomes.map((outcome) =>
            toResult(outcome, ({ chain, notBefore, notAfter }) => ({
              chain: [...chain],
              notBefore,
              notAfter,
            })),
          ),
        }
      },
    },
    IssueJwtSvids: {
      unary: async (
        caller: Caller,
        request: IssueJwtSvidsRequest__Output,
        context: CallContext,
      ): Promise<IssueJwtSvidsResponse> => {
        checkLength(request.requests)
        const instance = instanceOf(connections, caller)
        rate.takeJwt(
          instance.id,
          request.requests.map(({ claim, audience }) => costOf(claim, audience)),
        )
        const plausible = plausibleFor(instance)
        const asked = request.requests.map(({ claim, audience }) => ({
          claim: toClaim(claim, plausible()),
          audience,
        }))
        const outcomes = await issuer.issueJwt(actorOf(caller), instance, asked, (bytes) =>
          context.expectAnswer(bytes),
        )
        return { results: outcomes.map((outcome) => toResult(outcome, (issued) => ({ ...issued }))) }
      },
    },
  }
}

function checkLength(requests: readonly unknown[]): void {
  if (requests.length > MAX_REQUESTS)
    throw new BatchTooLongError(`at most ${MAX_REQUESTS} SVIDs in one request`)
}

/** One per KiB, begun ones included, that the audit log would hold of the request as JSON. */
function costOf(claim: IdentityClaim__Output | null, audience: readonly string[]): number {
  const { workloadAttributesJson = '', spiffeId = '' } = claim ?? {}
  const length = audience.reduce(
    (sum, one) => sum + one.length,
    workloadAttributesJson.length + spiffeId.length,
  )
  if (length * MAX_BYTES_OF_UNIT <= COST_BYTES) return 1
  const bytes = Buffer.byteLength(workloadAttributesJson) + jsonBytes(spiffeId) + jsonBytes(audience)
  return Math.max(1, Math.ceil(bytes / COST_BYTES))
}

function toClaim(claim: IdentityClaim__Output | null, plausible: Plausible): Claim {
  if (claim === null) return NO_CLAIM
  const { workloadIdentity, revision, spiffeId, workloadAttributesJson } = claim
  return { workloadIdentity, revision, spiffeId, workloadAttributesJson, asked: askingOf(claim, plausible) }
}

function askingOf({ occasion, holders, askedMs }: IdentityClaim__Output, plausible: Plausible): Asking {
  if (occasion === 'OCCASION_CALL') return { occasion: 'call' }
  if (occasion !== 'OCCASION_RENEWAL') return {}
  const asking = { occasion: 'renewal', holders: plausible.count(holders) } as const
  if (holders > 0) return { ...asking, ...plausible.mark }
  const asked = Number(askedMs)
  return { ...asking, ...(asked !== 0 && { askedMs: plausible.seen(asked) }), ...plausible.mark }
}

function toResult<T, M>(
  outcome: Outcome<T>,
  toMessage: (issued: T) => M,
): { issued: M } | { error: { code: number; message: string } } {
  if ('issued' in outcome) return { issued: toMessage(outcome.issued) }
  const { code, details } = toStatus(outcome.error)
  return { error: { code, message: details } }
}
