import type { Logger } from '../foundation/logger.ts'
import { ExitCode } from './exit-codes.ts'

/** Logs warnings and uncaught exceptions. Node would print them in several lines, and wait for the reader. */
export function logDefects(logger: Logger): void {
  process.removeAllListeners('warning').on('warning', (warning) => {
    logger.warn({ event: 'program.warning', err: warning }, 'a warning of the runtime')
  })
  process.on('uncaughtException', (error) => {
    logger.fatal({ event: 'program.failed', err: error }, 'this is a defect of signet; please report it')
    process.exit(ExitCode.INTERNAL)
  })
}
