import { setTimeout as pause } from 'node:timers/promises'
import { Backoff } from '../../../foundation/backoff.ts'
import type { CodedError } from '../../../foundation/errors.ts'
import { systemRandom } from '../../../foundation/random.ts'
import type { RpcCalls } from '../../../rpc/calls.ts'
import type { X509SVID__Output } from '../../../rpc/gen/X509SVID.ts'
import { RpcError } from '../../../rpc/status.ts'
import { NothingThereError } from '../../errors.ts'
import { warn } from '../../output.ts'
import { watchX509Svids } from '../../workload-api.ts'

const PAUSE = { initialMs: 500, maxMs: 10_000 }

/** Delivers each message, without end. It reconnects when the agent restarts or the identity is withdrawn. */
export async function deliverEach(
  client: RpcCalls,
  deliver: (svids: readonly X509SVID__Output[]) => Promise<void>,
): Promise<never> {
  const backoff = new Backoff(PAUSE, systemRandom)
  for (let said = ''; ; ) {
    try {
      for await (const { svids } of watchX509Svids(client)) {
        await deliver(svids)
        backoff.reset()
        said = ''
      }
    } catch (error) {
      if (!mayPass(error)) throw error
      if (error.message !== said) warn(`signet: retrying: ${error.message}`)
      said = error.message
    }
    await pause(backoff.nextMs())
  }
}

function mayPass(error: unknown): error is CodedError {
  if (error instanceof NothingThereError) return true // the identity may come back
  return error instanceof RpcError && (error.kind === 'unavailable' || error.kind === 'permission_denied')
}
