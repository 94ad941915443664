import type { DuplexListener, Handler } from './handlers.ts'

/** Called with how long a caller's request occupied the event loop. */
type Charge<C> = (caller: C, ms: number) => void

/**
 * Wraps a handler so that its run time is charged to its caller: the cost of requests differs by a
 * factor of a hundred.
 */
export function timed<C>(handler: Handler<C>, nowMs: () => number, charge: Charge<C>): Handler<C> {
  const during = <T>(caller: C, task: () => T): T => {
    const begunMs = nowMs()
    try {
      return task()
    } finally {
      charge(caller, nowMs() - begunMs)
    }
  }
  if ('unary' in handler) {
    const { unary } = handler
    return { unary: (caller, request, call) => during(caller, () => unary(caller, request, call)) }
  }
  if ('push' in handler) {
    const { push } = handler
    return { push: (caller, request, sink, call) => during(caller, () => push(caller, request, sink, call)) }
  }
  if ('exchange' in handler) {
    const { exchange } = handler
    return { exchange: (caller, request, call) => during(caller, () => exchange(caller, request, call)) }
  }
  if ('stream' in handler) return handler
  if ('converse' in handler) {
    const { converse, limits } = handler
    return {
      converse: (caller, first, ask, call) => during(caller, () => converse(caller, first, ask, call)),
      limits,
    }
  }
  const { duplex } = handler
  return {
    duplex: (caller, sink, call): DuplexListener<object> => {
      const listener = duplex(caller, sink, call)
      return {
        onRequest: (request: object) => during(caller, () => listener.onRequest(request)),
        onWritable: () => during(caller, () => listener.onWritable()),
        onHalfClose: () => listener.onHalfClose(),
        [Symbol.dispose]: () => listener[Symbol.dispose](),
      }
    },
  }
}
