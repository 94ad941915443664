import { systemClock } from '../../../foundation/clock.ts'
import type { RpcCalls } from '../../../rpc/calls.ts'
import type { X509SVIDResponse__Output } from '../../../rpc/gen/X509SVIDResponse.ts'
import { RpcError, StatusCode } from '../../../rpc/status.ts'
import { printPainted } from '../../output.ts'
import type { Paint } from '../../paint.ts'
import { watchX509Svids } from '../../workload-api.ts'
import { sendResources } from '../apply.ts'
import { TrialFailedError } from './errors.ts'
import { lockYaml, VISITOR, VISITOR_NAME, visitorYaml } from './files.ts'
import { heading } from './show.ts'

/** Far longer than a push takes. Whoever changed the role of the trial waits in vain. */
const PATIENCE_MS = 5_000

/**
 * Shows what a change of the operator does to a stream that a workload holds open: a new workload
 * identity arrives on it, a lock takes it away, and lifting the lock brings it back.
 */
export async function showPush(admin: RpcCalls, workload: RpcCalls): Promise<void> {
  await clear(admin) // an earlier trial may have been killed here
  heading('What a change does to a stream that is open: nobody polls')
  const ending = new AbortController()
  const patience = systemClock.schedule(PATIENCE_MS, () => ending.abort())
  const stream = watchX509Svids(workload, ending.signal)
  try {
    await seen(stream, false)
    const uid = process.getuid?.() ?? 0
    const show = async (paint: Paint, what: string, change: () => Promise<unknown>, isThere: boolean) => {
      const startMs = systemClock.monotonicMs()
      await Promise.all([change(), seen(stream, isThere)])
      const ms = Math.ceil(systemClock.monotonicMs() - startMs)
      printPainted(
        paint,
        `  ${what} ${isThere ? 'its SVID is on the stream' : 'its SVID is withdrawn'} after ${ms} ms`,
      )
    }
    await show('good', 'apply   a workload identity:', () => send(admin, visitorYaml(uid)), true)
    await show('bad', 'lock    the workload identity:', () => send(admin, lockYaml()), false)
    await show('good', 'unlock  the workload identity:', () => remove(admin, 'lock', VISITOR_NAME), true)
  } catch (error) {
    if (!ending.signal.aborted) throw error
    printPainted('quiet', '  it was not to be seen: has the role of the trial been changed?')
  } finally {
    patience.cancel()
    ending.abort()
    await clear(admin)
  }
}

/** Reads the stream until the SVID is on it, or is not any more. */
async function seen(stream: AsyncGenerator<X509SVIDResponse__Output>, isThere: boolean): Promise<void> {
  for (;;) {
    const { value, done } = await stream.next()
    if (done) throw new TrialFailedError('the agent ended the stream', { lines: [] })
    if (value.svids.some(({ spiffeId }) => spiffeId.endsWith(VISITOR)) === isThere) return
  }
}

async function send(admin: RpcCalls, text: string): Promise<void> {
  const { problems } = await sendResources(admin, { files: [{ text, name: 'trial.yaml' }] })
  if (problems.length > 0) throw new TrialFailedError(problems.join('\n'), { lines: problems })
}

async function clear(admin: RpcCalls): Promise<void> {
  await remove(admin, 'lock', VISITOR_NAME)
  await remove(admin, 'workload_identity', VISITOR_NAME)
}

async function remove(admin: RpcCalls, kind: string, name: string): Promise<void> {
  try {
    await admin.unary('signet.v1.AdminService', 'DeleteResource', { kind, name, revision: '' })
  } catch (error) {
    if (!(error instanceof RpcError && error.status === StatusCode.NOT_FOUND)) throw error
  }
}
