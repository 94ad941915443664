import { flushCompileCache } from 'node:module'
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '../foundation/logger.ts'
import { forbidCoreDumps } from '../peer/core-dumps.ts'
import { leaveSoon } from './leave-soon.ts'
import { logDefects } from './log-defects.ts'
import { keepMemory } from './memory.ts'
import { guardRuntime } from './runtime-guard.ts'
import type { DaemonSignals } from './signals.ts'

/** Longer than any deadline at which what is being ended gives up by itself. */
const MAX_END_MS = 15_000

/** By then what a program usually runs has been compiled. */
const KEEP_COMPILED_MS = 10_000

/** What `ended` rejects with is why a program cannot go on. */
export interface Program extends AsyncDisposable {
  readonly ended?: Promise<void>
}

export interface DaemonOptions {
  readonly logger: Logger
  readonly signals: DaemonSignals
  readonly untilStdinEnds?: boolean
}

/**
 * Runs a program until a signal or its own failure ends it.
 * @throws UnsafeRuntimeError before anything was started
 */
export async function runDaemon(start: () => Promise<Program>, options: DaemonOptions): Promise<void> {
  const { logger, signals } = options
  guardRuntime(logger)
  logDefects(logger)
  forbidCoreDumps()
  signals.logHangups(logger)
  if (options.untilStdinEnds) {
    // Whoever started us holds the other end; when it goes, however that happens, so do we.
    process.stdin
      .on('end', () => signals.ask('end of standard input'))
      .on('error', () => signals.ask('standard input'))
    process.stdin.resume()
  }
  const program = await start()
  using _memory = keepMemory()
  // Else only a program that ends by itself would leave its compiled code for the next start, and one that is killed would not.
  setTimeout(flushCompileCache, KEEP_COMPILED_MS).unref()
  try {
    const reason = await Promise.race([signals.asked, failureOf(program)])
    logger.info({ event: 'program.ending', reason }, 'ending')
  } finally {
    const ended = program[Symbol.asyncDispose]().then(() => true)
    if (!(await Promise.race([ended, wait(MAX_END_MS, false)]))) {
      logger.warn({ event: 'program.ending' }, 'something did not end in time; exiting without it')
    }
    leaveSoon() // a failure is said by main() first
    process.stdin.destroy()
  }
}

/** Never resolves: that a program has ended without a failure is known from somewhere else. */
async function failureOf({ ended }: Program): Promise<never> {
  await ended
  return new Promise<never>(() => undefined)
}
