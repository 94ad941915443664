import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import type { ReportedEvent__Output } from '../../rpc/gen/signet/v1/ReportedEvent.ts'
import type { ReportRequest__Output } from '../../rpc/gen/signet/v1/ReportRequest.ts'
import type { ReportResponse } from '../../rpc/gen/signet/v1/ReportResponse.ts'
import type { Handlers } from '../../rpc/handlers.ts'
import type { AuditEntry } from '../audit/events.ts'
import type { InstanceConnections } from '../bots/instance-connections.ts'
import { actorOf, type Caller } from '../caller.ts'
import { RateLimiter } from '../rate-limiter.ts'
import { instanceOf } from './bot-call.ts'

/** The report is not what the method takes. */
export class ReportInvalidError extends CodedError {
  override readonly name = 'ReportInvalidError'
  readonly code = 'ERR_REPORT_INVALID'
  readonly kind = 'invalid_argument'
}

export interface ReportApiDeps {
  readonly bots: Pick<InstanceConnections, 'use'>
  readonly audit: { recordAll(entries: readonly AuditEntry[]): Promise<void> }
  readonly clock: Clock
}

/** Agents add events up and report every few seconds; an agent that is not ours shall not fill the disk. */
const REPORTS = { perSecond: 1, burst: 20, maxKeys: 100_000 }
const MOST_EVENTS = 200
const LONGEST_DETAIL = 8_192

/** signet.v1.ReportService: recorded as the agent's word, under events that only agents report. */
export function reportHandlers({ bots, audit, clock }: ReportApiDeps): Handlers<Caller> {
  const reports = new RateLimiter(REPORTS, clock)
  return {
    Report: {
      unary: async (caller: Caller, request: ReportRequest__Output): Promise<ReportResponse> => {
        const instance = instanceOf(bots, caller)
        reports.take(instance.id)
        if (request.events.length > MOST_EVENTS)
          throw new ReportInvalidError(`at most ${MOST_EVENTS} events in one report`)
        const subject = { bot: instance.bot, botInstance: instance.id }
        const actor = actorOf(caller)
        const entries = request.events.map((event): AuditEntry => {
          const detail = { ...subject, ...occurrencesOf(event), detail: detailOf(event) }
          return { event: nameOf(event), actor, detail }
        })
        if (entries.length > 0) await audit.recordAll(entries)
        return {}
      },
    },
  }
}

function nameOf({ event }: ReportedEvent__Output): 'identity.denied' | 'svid.delivered' {
  if (event === 'identity.denied' || event === 'svid.delivered') return event
  throw new ReportInvalidError('unknown event')
}

function occurrencesOf(event: ReportedEvent__Output): { count: number; firstMs: number; lastMs: number } {
  const [firstMs, lastMs] = [Number(event.firstMs), Number(event.lastMs)]
  if (!Number.isSafeInteger(firstMs) || !Number.isSafeInteger(lastMs))
    throw new ReportInvalidError('not an instant')
  return { count: event.count, firstMs, lastMs }
}

function detailOf({ detailJson }: ReportedEvent__Output): unknown {
  if (detailJson === '') return {}
  if (detailJson.length > LONGEST_DETAIL)
    throw new ReportInvalidError(`a detail has at most ${LONGEST_DETAIL} characters`)
  try {
    return JSON.parse(detailJson)
  } catch {
    throw new ReportInvalidError('a detail is not JSON') // the parser's message would quote the agent
  }
}
