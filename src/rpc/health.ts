import { CodedError } from '../foundation/errors.ts'
import type { HealthCheckRequest__Output } from './gen/grpc/health/v1/HealthCheckRequest.ts'
import type { Handlers, StreamSink } from './handlers.ts'
import { encodeMessage } from './services.ts'

/** The server has no service of this name whose health it could report. */
class ServiceUnknownError extends CodedError {
  override readonly name = 'ServiceUnknownError'
  readonly code = 'ERR_RPC_SERVICE_UNKNOWN'
  readonly kind = 'not_found'
}

/** The health of the server: whether calls would currently be answered. */
export class Health {
  readonly #isServing: () => boolean
  readonly #watches = new Set<{ readonly sink: StreamSink; told: boolean }>()

  constructor(isServing: () => boolean) {
    this.#isServing = isServing
  }

  get isServing(): boolean {
    return this.#isServing()
  }

  /** Sends the status to watchers if it has changed. Called whenever it may have changed. */
  look(): void {
    const serving = this.isServing
    for (const watch of this.#watches) {
      if (watch.told === serving) continue
      watch.told = serving
      watch.sink.send(statusMessage(serving))
    }
  }

  watch(sink: StreamSink): Disposable {
    const told = this.isServing
    sink.send(statusMessage(told))
    const watch = { sink, told }
    this.#watches.add(watch)
    return { [Symbol.dispose]: () => this.#watches.delete(watch) }
  }
}

function statusMessage(serving: boolean): Buffer {
  return message(serving ? 'SERVING' : 'NOT_SERVING')
}

function message(status: string): Buffer {
  return encodeMessage('grpc.health.v1.HealthCheckResponse', { status })
}

const nothingToRelease: Disposable = { [Symbol.dispose]: () => {} }

/**
 * grpc.health.v1, with one status for all services. For an unknown service the protocol demands
 * NOT_FOUND from Check, and a SERVICE_UNKNOWN status on a stream that stays open from Watch.
 */
export function healthHandlers<C>(
  isKnown: (service: string) => boolean,
  health: Health,
): Handlers<C, 'grpc.health.v1.Health'> {
  return {
    Check: {
      unary: (_caller, request: HealthCheckRequest__Output) => {
        if (!isKnown(request.service)) throw new ServiceUnknownError('unknown service')
        return { status: health.isServing ? 'SERVING' : 'NOT_SERVING' }
      },
    },
    Watch: {
      push: (_caller, request: HealthCheckRequest__Output, sink) => {
        if (isKnown(request.service)) return health.watch(sink)
        sink.send(message('SERVICE_UNKNOWN'))
        return nothingToRelease
      },
    },
  }
}
