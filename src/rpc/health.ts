import { CodedError } from '../foundation/errors.ts'
import type { HealthCheckRequest__Output } from './gen/grpc/health/v1/HealthCheckRequest.ts'
import type { Handlers, StreamSink } from './handlers.ts'
import { encodeMessage } from './services.ts'

/** There is no service of this name to report the health of. */
class ServiceUnknownError extends CodedError {
  override readonly name = 'ServiceUnknownError'
  readonly code = 'ERR_RPC_SERVICE_UNKNOWN'
  readonly kind = 'not_found'
}

/** Whether those who call would get what they call for. */
export class Health {
  readonly #isServing: () => boolean
  readonly #watches = new Set<{ readonly sink: StreamSink; told: boolean }>()

  constructor(isServing: () => boolean) {
    this.#isServing = isServing
  }

  get isServing(): boolean {
    return this.#isServing()
  }

  /** Tells those who watch, if they have not been told. Called whenever it may have changed. */
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

/** grpc.health.v1: one answer for all services. Check knows no unknown service; Watch waits for one, as its protocol says. */
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
