import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { GivenUp__Output } from '../../rpc/gen/signet/v1/GivenUp.ts'
import type { ReportRequest__Output } from '../../rpc/gen/signet/v1/ReportRequest.ts'
import type { ReportResponse } from '../../rpc/gen/signet/v1/ReportResponse.ts'
import type { Handlers } from '../../rpc/handlers.ts'
import type { AuditEntry } from '../audit/events.ts'
import type { GivenUp } from '../audit/given-up.ts'
import { Plausible } from '../audit/plausible.ts'
import type { InstanceConnections } from '../bots/instance-connections.ts'
import { actorOf, type Caller } from '../caller.ts'
import { RateLimiter } from '../rate-limiter.ts'
import { instanceOf } from './bot-call.ts'
import { ReportInvalidError, readTimes, toEntry } from './reported-event.ts'

export interface ReportApiDeps {
  readonly connections: Pick<InstanceConnections, 'use'>
  readonly audit: { recordAll(entries: readonly AuditEntry[]): Promise<void> }
  readonly givenUp: Pick<GivenUp, 'rowOf'>
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * An agent sums events up and reports every few seconds. This keeps a compromised one from filling
 * the disk.
 */
const REPORTS = { perSecond: 1, burst: 20, maxKeys: 100_000 }
/** Bytes of audit rows: about sixty deliveries per second, and always room for one full report. */
const BYTES = { perSecond: 32_768, burst: 8 * 1024 * 1024, maxKeys: 100_000 }
const MAX_EVENTS = 200
const MAX_GIVEN_UP = 64

/** signet.v1.ReportService: records events as the agent's word, under names that only agents report. */
export function reportHandlers(deps: ReportApiDeps): Handlers<Caller, 'signet.v1.ReportService'> {
  const { connections, audit, clock, logger } = deps
  const reports = new RateLimiter(REPORTS, clock)
  const bytes = new RateLimiter(BYTES, clock)
  return {
    Report: {
      unary: async (caller: Caller, request: ReportRequest__Output): Promise<ReportResponse> => {
        const instance = instanceOf(connections, caller)
        reports.take(instance.id)
        const { events, givenUp } = request
        const nowMs = clock.now().getTime()
        const plausible = (): Plausible => new Plausible(instance.joinedMs, nowMs)
        if (events.length > MAX_EVENTS || givenUp.length > MAX_GIVEN_UP)
          throw new ReportInvalidError(`at most ${MAX_EVENTS} events in one report`)
        const subject = { bot: instance.bot, botInstance: instance.id }
        const actor = actorOf(caller)
        const seen = events.map((event) => toEntry(subject, actor, event, plausible()))
        const lost = givenUp.map((each) => readGivenUp(each, plausible()))
        bytes.take(
          instance.id,
          seen.reduce((sum, { detail }) => sum + JSON.stringify(detail).length, 0),
        )
        const rows = lost.flatMap((each) => deps.givenUp.rowOf(subject, actor, each) ?? [])
        const entries = [...seen, ...rows]
        if (entries.length > 0) await audit.recordAll(entries)
        for (const { detail } of rows)
          logger.warn({ event: 'report.given_up', ...detail }, 'an agent dropped reports')
        return {}
      },
    },
  }
}

function readGivenUp({ uid, times }: GivenUp__Output, plausible: Plausible) {
  return { uid, ...readTimes(times, plausible), ...plausible.mark }
}
