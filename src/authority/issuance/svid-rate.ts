import type { Clock } from '../../foundation/clock.ts'
import type { Rate } from '../../foundation/token-buckets.ts'
import { RateLimiter } from '../rate-limiter.ts'
import { MAX_REQUESTS } from './life-limits.ts'

/** An agent that has just started, or whose CA was rotated, needs all its SVIDs at once. */
const AVERAGED_SECONDS = 600

/**
 * The share of the burst that JWT-SVIDs must leave for X.509-SVIDs, because a workload without an
 * X.509-SVID cannot serve.
 */
const KEPT_FOR_X509 = 1 / 4

const MAX_INSTANCES = 100_000

/**
 * How many SVIDs each instance may have, averaged over ten minutes. Each SVID is a row of the audit
 * log, so a compromised agent could fill the disk.
 */
export class SvidRate {
  #rate: Rate
  readonly #limiter: RateLimiter

  constructor(svidsPerSecond: number, clock: Pick<Clock, 'monotonicMs'>) {
    this.#rate = rateOf(svidsPerSecond)
    this.#limiter = new RateLimiter({ ...this.#rate, maxKeys: MAX_INSTANCES }, clock)
  }

  /** Sets the rate from now on. */
  limit(svidsPerSecond: number): void {
    this.#rate = rateOf(svidsPerSecond)
    this.#limiter.limit(this.#rate)
  }

  /** Takes what X.509-SVIDs cost. @throws RateLimitedError, and takes nothing */
  takeX509(instance: string, costs: readonly number[]): void {
    this.#take(instance, costs, 0)
  }

  /** Takes what JWT-SVIDs cost. @throws RateLimitedError, and takes nothing */
  takeJwt(instance: string, costs: readonly number[]): void {
    this.#take(instance, costs, this.#rate.burst * KEPT_FOR_X509)
  }

  /** A full bucket suffices for any single request. */
  #take(instance: string, costs: readonly number[], leaving: number): void {
    const cost = costs.reduce((sum, each) => sum + each, 0)
    this.#limiter.take(instance, Math.min(this.#rate.burst - leaving, cost), leaving)
  }
}

function rateOf(perSecond: number): Rate {
  return { perSecond, burst: Math.max(MAX_REQUESTS, perSecond * AVERAGED_SECONDS) }
}
