import { CodedError } from '../foundation/errors.ts'
import type { HealthCheckRequest__Output } from './gen/grpc/health/v1/HealthCheckRequest.ts'
import type { Handlers } from './handlers.ts'
import { encodeMessage } from './services.ts'

/** Health was asked of a service that is not here. */
export class ServiceUnknownError extends CodedError {
  override readonly name = 'ServiceUnknownError'
  readonly code = 'ERR_RPC_SERVICE_UNKNOWN'
  readonly kind = 'not_found'
}

const nothingToRelease: Disposable = { [Symbol.dispose]: () => {} }

/** grpc.health.v1: who answers at all is serving. Check knows no unknown service; Watch waits for one, as its protocol says. */
export function healthHandlers<C>(isServed: (service: string) => boolean): Handlers<C> {
  return {
    Check: {
      unary: (_caller, request: HealthCheckRequest__Output) => {
        if (!isServed(request.service)) throw new ServiceUnknownError('unknown service')
        return { status: 'SERVING' }
      },
    },
    Watch: {
      push: (_caller, request: HealthCheckRequest__Output, sink) => {
        const status = isServed(request.service) ? 'SERVING' : 'SERVICE_UNKNOWN'
        sink.send(encodeMessage('grpc.health.v1.HealthCheckResponse', { status }))
        return nothingToRelease
      },
    },
  }
}
