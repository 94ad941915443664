import { messageOf } from '../foundation/errors.ts'
import type { Logger } from '../foundation/logger.ts'
import { NotifySocket } from '../peer/notify-socket.ts'

/**
 * Tells systemd how this program is doing (sd_notify(3)): that it is ready, reloads or ends, and,
 * with `WatchdogSec=`, that its event loop still turns. Without a `NOTIFY_SOCKET` it does nothing.
 */
export class ServiceManager implements Disposable {
  readonly #socket: NotifySocket | undefined
  readonly #watchdogMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(environment: NodeJS.ProcessEnv, logger: Logger) {
    this.#socket = openSocket(environment, logger)
    this.#watchdogMs = watchdogOf(environment)
  }

  ready(): void {
    this.#tell('READY=1')
    if (this.#watchdogMs === 0 || this.#socket === undefined) return
    this.#timer ??= setInterval(() => this.#tell('WATCHDOG=1'), this.#watchdogMs / 3).unref()
  }

  reloading(): void {
    this.#tell(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`)
  }

  /** The program ends in an orderly way. The watchdog goes on, because that has a time limit, too. */
  stopping(): void {
    this.#tell('STOPPING=1')
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#socket?.[Symbol.dispose]()
  }

  #tell(text: string): void {
    // When the service manager restarts, it reads what comes later.
    this.#socket?.send(text)
  }
}

function openSocket({ NOTIFY_SOCKET: name }: NodeJS.ProcessEnv, logger: Logger): NotifySocket | undefined {
  if (!name) return undefined
  try {
    return NotifySocket.open(name)
  } catch (error) {
    // The program can do its work; the service manager will say that it heard nothing.
    logger.warn(
      { event: 'service_manager.unreachable', reason: messageOf(error) },
      'the service manager cannot be told that this program is ready',
    )
    return undefined
  }
}

/** The variables may be those of a parent, which `WATCHDOG_PID` tells. */
function watchdogOf({ WATCHDOG_USEC: usec, WATCHDOG_PID: pid }: NodeJS.ProcessEnv): number {
  if (pid !== undefined && Number(pid) !== process.pid) return 0
  const ms = Number(usec) / 1000
  return Number.isFinite(ms) && ms > 0 ? ms : 0
}
