import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Bots } from './bots.ts'

const EVERY_MS = 3_600_000

/** Deletes instances that can no longer be renewed, once an hour until disposed. */
export function forgetNowAndThen(
  bots: Pick<Bots, 'forgetExpired'>,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Disposable {
  let waiting: Scheduled
  const wait = (): void => {
    waiting = clock.schedule(EVERY_MS, () => {
      bots.forgetExpired().catch((error) => {
        // The next round tries again.
        logger.error({ error: messageOf(error) }, 'cannot forget expired bot instances')
      })
      wait()
    })
  }
  wait()
  return { [Symbol.dispose]: () => waiting.cancel() }
}
