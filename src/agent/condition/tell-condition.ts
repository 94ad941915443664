import type { Clock, Scheduled } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Condition } from './condition.ts'

/** An operator who looks at the last lines of the log finds the reason there. */
const SAY_EVERY_MS = 60_000

interface TellConditionDeps {
  readonly condition: () => Condition
  readonly clock: Pick<Clock, 'schedule'>
  readonly logger: Logger
}

/** Logs once a minute why the agent is not well, for as long as it is not. Dispose it to stop. */
export function tellCondition({ condition, clock, logger }: TellConditionDeps): Disposable {
  let timer: Scheduled
  let wasWell = true
  const wait = (): void => {
    timer = clock.schedule(SAY_EVERY_MS, () => {
      tell()
      wait()
    })
  }
  const tell = (): void => {
    const { state, reason, remedy, failing } = condition()
    if (reason === undefined) {
      if (!wasWell) logger.info({ event: 'agent.recovered' }, 'the agent is well again')
      wasWell = true
      return
    }
    wasWell = false
    const nextAttempt = failing && new Date(failing.nextMs).toISOString()
    const attempts = failing?.count
    logger.warn(
      { event: 'agent.unwell', state, reason, remedy, attempts, nextAttempt },
      'the agent is not well',
    )
  }
  wait()
  return { [Symbol.dispose]: () => timer.cancel() }
}
