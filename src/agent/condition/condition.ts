import { CodedError, type ErrorKind, messageOf } from '../../foundation/errors.ts'
import { formatInstant } from '../../foundation/instant.ts'
import type { Failing } from '../uplink/attempts.ts'
import { SKEW_MATTERS_MS } from '../uplink/clock-skew.ts'

/** Everything that decides how this agent is doing. Times are in milliseconds since 1970. */
export interface Facts {
  readonly nowMs: number
  readonly authority: string
  /** When the bot certificate expires; undefined before the first join. */
  readonly botExpiresMs: number | undefined
  readonly isConnected: boolean
  /** Whether the agent knows its workload identities, from the authority or from an earlier run. */
  readonly isInformed: boolean
  /** A sentence about a lock on this agent's bot. */
  readonly botLock: string | undefined
  readonly join: Failing | undefined
  readonly renewal: Failing | undefined
  readonly sync: Failing | undefined
  /** X.509-SVIDs that open streams follow, and those among them that cannot be had now. */
  readonly svids: { readonly held: number; readonly missing: number }
  readonly clockSkewMs: number | undefined
}

export type State =
  | 'starting'
  | 'joining'
  | 'locked'
  | 'refused'
  | 'expired'
  | 'nothing_to_serve'
  | 'authority_away'
  | 'svids_missing'
  | 'renewal_failing'
  | 'clock_skewed'
  | 'ready'

export interface Condition {
  readonly state: State
  /** Whether workloads can be sent here. */
  readonly isReady: boolean
  /** Why it is so; undefined only when all is well. */
  readonly reason?: string
  readonly remedy?: string
  readonly failing?: Failing
}

const REFUSALS: ReadonlySet<ErrorKind> = new Set(['permission_denied', 'failed_precondition'])
const JOIN_AGAIN =
  'if the bot is still wanted, run on the authority: signet token create --bot NAME; then put the new token into the configuration of this agent and restart it'

/** Judges the whole agent. The worst thing comes first. */
export function conditionOf(facts: Facts): Condition {
  return (
    standingOf(facts) ??
    servingOf(facts) ??
    laterOf(facts) ??
    skewOf(facts) ?? { state: 'ready', isReady: true }
  )
}

/** What is wrong between this agent and its authority, if workloads must not be sent here for that. */
function standingOf(facts: Facts): Condition | undefined {
  const { join, renewal, sync, botLock, botExpiresMs, nowMs, authority } = facts
  if (botExpiresMs === undefined) {
    if (join === undefined) return { state: 'starting', isReady: false, reason: 'not joined yet' }
    const reason = `not joined to ${authority}: ${said(join)}`
    return { state: 'joining', isReady: false, reason, failing: join }
  }
  const refused = (failing: Failing): Condition => {
    const reason = `the authority refuses this agent: ${said(failing)}`
    return { state: 'refused', isReady: false, reason, remedy: remedyOf(failing), failing }
  }
  if (sync !== undefined && isRefusal(sync.error)) return refused(sync)
  if (botLock !== undefined) {
    const remedy = 'run on the authority: signet get lock; then, if this agent may go on: signet unlock'
    return { state: 'locked', isReady: false, reason: `locked: ${botLock}`, remedy }
  }
  if (!facts.isConnected && renewal !== undefined && isRefusal(renewal.error)) return refused(renewal)
  if (nowMs >= botExpiresMs) {
    const failing = renewal ?? sync
    const why = failing === undefined ? '' : `: ${said(failing)}`
    const reason = `the bot certificate expired at ${formatInstant(botExpiresMs)} and is not renewed${why}`
    const remedy = 'it is renewed as soon as the authority answers, within the grace time for renewals'
    return { state: 'expired', isReady: false, reason, remedy, ...(failing && { failing }) }
  }
  return undefined
}

/** What workloads cannot get, or will not be able to get for long. */
function servingOf(facts: Facts): Condition | undefined {
  const { sync, isConnected, isInformed, svids } = facts
  const away = sync === undefined ? undefined : `the authority is away: ${said(sync)}`
  if (!isInformed) {
    if (sync === undefined) return { state: 'starting', isReady: false, reason: 'waiting for the first sync' }
    return {
      state: 'nothing_to_serve',
      isReady: false,
      reason: `nothing is known yet: ${away}`,
      failing: sync,
    }
  }
  const about = sync && { failing: sync }
  if (svids.missing > 0) {
    const why = away ?? 'the log says why (svid.issue_failed)'
    const isAll = svids.missing === svids.held
    const reason = `${svids.missing} of ${svids.held} X.509-SVIDs in use cannot be had: ${why}`
    const state = isAll ? 'nothing_to_serve' : 'svids_missing'
    return { state, isReady: !isAll, reason, ...about }
  }
  if (!isConnected && away !== undefined) {
    return { state: 'authority_away', isReady: true, reason: `${away}; all in use is served`, ...about }
  }
  if (!isConnected) return { state: 'starting', isReady: true, reason: 'the authority has not answered yet' }
  return undefined
}

/** What is wrong now, and will stop this agent only later. */
function laterOf({ renewal, botExpiresMs = 0 }: Facts): Condition | undefined {
  if (renewal === undefined) return undefined
  const reason = `the bot certificate, which expires at ${formatInstant(botExpiresMs)}, is not renewed: ${said(renewal)}`
  return { state: 'renewal_failing', isReady: true, reason, failing: renewal }
}

function skewOf({ clockSkewMs = 0 }: Facts): Condition | undefined {
  if (Math.abs(clockSkewMs) <= SKEW_MATTERS_MS) return undefined
  const direction = clockSkewMs > 0 ? 'ahead of' : 'behind'
  const seconds = Math.round(Math.abs(clockSkewMs) / 1000)
  const reason = `the clock of this host is ${seconds} s ${direction} the authority's`
  const remedy = 'set right whichever clock is wrong: SVIDs seem expired or not yet valid'
  return { state: 'clock_skewed', isReady: true, reason, remedy }
}

/** Whether the authority answered and said no. Another attempt changes nothing, unless somebody acts. */
function isRefusal(error: unknown): boolean {
  return error instanceof CodedError && REFUSALS.has(error.kind)
}

function said({ error, sinceMs, count }: Failing): string {
  return `${messageOf(error)} (${count} ${count === 1 ? 'attempt' : 'attempts'} since ${formatInstant(sinceMs)})`
}

/** The audit log has the reason of a refusal, which only the authority's operator may know. */
function remedyOf({ error }: Failing): string {
  const { reference } = error instanceof CodedError ? error : {}
  const where = reference === undefined ? '' : `run on the authority: signet audit list --ref ${reference}; `
  return `${where}${JOIN_AGAIN}`
}
