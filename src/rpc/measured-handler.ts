import type { Histogram } from '../foundation/metrics.ts'
import type { Handler } from './handlers.ts'

/** From a cache hit to a slow commit. */
export const LATENCY_BUCKETS = [0.0005, 0.002, 0.01, 0.05, 0.2, 1, 5]

/** Wraps the handler of a unary call so that its time from request to answer is observed. */
export function measured<C>(
  handler: Handler<C>,
  method: string,
  latency: Histogram,
  nowMs: () => number,
): Handler<C> {
  if (!('unary' in handler)) return handler
  const { unary } = handler
  const labels = { method }
  return {
    unary: (caller, request, call) => {
      const begunMs = nowMs()
      const answer = unary(caller, request, call)
      const observe = (): void => latency.observe((nowMs() - begunMs) / 1000, labels)
      if (answer instanceof Promise) void answer.then(observe, observe)
      else observe()
      return answer
    },
  }
}
