import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import { SvidNotValidNowError } from './errors.ts'
import type { Life } from './svid-life.ts'

/** The interval between log lines. A wrong clock affects every SVID. */
const QUIET_MS = 60_000

/** Reports SVIDs that are held back because this host's clock says they are not valid now (decision 0023). */
export class HeldBack {
  readonly #clock: Clock
  readonly #logger: Logger
  #quietUntilMs = Number.NEGATIVE_INFINITY
  #suppressed = 0

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  /** Logs an SVID that is held back, and returns the error for its callers. */
  note(
    kind: 'x509_svid' | 'jwt_svid',
    spiffeId: string,
    life: Omit<Life, 'overBootMs'>,
  ): SvidNotValidNowError {
    const hostTime = this.#clock.now()
    const error = new SvidNotValidNowError(life, hostTime)
    const now = this.#clock.monotonicMs()
    if (now < this.#quietUntilMs) {
      this.#suppressed += 1
      return error
    }
    this.#quietUntilMs = now + QUIET_MS
    const suppressed = this.#suppressed
    this.#suppressed = 0
    this.#logger.warn(
      {
        event: 'svid.held_back',
        kind,
        spiffeId,
        notBefore: new Date(life.notBeforeMs).toISOString(),
        notAfter: new Date(life.notAfterMs).toISOString(),
        hostTime: hostTime.toISOString(),
        suppressed,
      },
      'an SVID is held back: by the clock of this host it is not valid now; compare this clock with that of the authority',
    )
    return error
  }
}
