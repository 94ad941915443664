import { flushCompileCache } from 'node:module'
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '../foundation/logger.ts'
import { forbidCoreDumps } from '../peer/core-dumps.ts'
import { exitAtOnce } from './exit-at-once.ts'
import { leaveSoon } from './leave-soon.ts'
import { logDefects } from './log-defects.ts'
import { keepMemory } from './memory.ts'
import { guardRuntime } from './runtime-guard.ts'
import { ServiceManager } from './service-manager.ts'
import type { DaemonSignals } from './signals.ts'

/** Longer than every deadline of the parts that are being ended. */
const MAX_END_MS = 15_000

/**
 * By then what a program usually runs has been compiled. It is before the first collection of
 * garbage, which discards the compiled code of the start.
 */
const KEEP_COMPILED_MS = 4_000

/** `ended` rejects with the reason why the program cannot continue. */
interface Program extends AsyncDisposable {
  readonly ended?: Promise<void>
}

interface DaemonOptions<P extends Program> {
  readonly logger: Logger
  readonly environment: NodeJS.ProcessEnv
  /** Reads the configuration of the running program again. Never rejects. */
  readonly reload: (program: P) => () => Promise<void>
  readonly signals: DaemonSignals
  readonly untilStdinEnds?: boolean
}

/**
 * Runs a program until a signal or its own failure ends it.
 * @throws UnsafeRuntimeError before anything was started
 */
export async function runDaemon<P extends Program>(
  start: () => Promise<P>,
  options: DaemonOptions<P>,
): Promise<void> {
  const { logger, signals, environment } = options
  guardRuntime(logger)
  logDefects(logger)
  forbidCoreDumps()
  if (options.untilStdinEnds) {
    // The parent process holds the other end. When it is gone, for whatever reason, this program ends.
    process.stdin
      .on('end', () => signals.ask('end of standard input'))
      .on('error', () => signals.ask('standard input'))
    process.stdin.resume()
  }
  using manager = new ServiceManager(environment, logger)
  const program = await start()
  manager.ready()
  const reload = options.reload(program)
  let reloading = Promise.resolve()
  signals.onHangup(() => {
    manager.reloading()
    reloading = reloading.then(reload).then(() => manager.ready())
  })
  using _memory = keepMemory()
  // Otherwise only a clean exit would save compiled code for the next start, and a killed program would not.
  setTimeout(flushCompileCache, KEEP_COMPILED_MS).unref()
  try {
    const reason = await Promise.race([signals.asked, failureOf(program)])
    logger.info({ event: 'program.ending', reason }, 'ending')
    manager.stopping()
  } finally {
    // This wait also keeps the program alive until leaveSoon() has called exitAtOnce(). Otherwise Node would
    // find nothing left to do and exit by itself, and then wait for a thread that reads a dead mount.
    const ended = program[Symbol.asyncDispose]().then(() => true)
    if (!(await Promise.race([ended, wait(MAX_END_MS, false)]))) {
      logger.warn({ event: 'program.ending' }, 'something did not end in time; exiting without it')
    }
    leaveSoon(exitAtOnce) // main() prints a failure first
    process.stdin.destroy()
  }
}

/** Rejects when the program fails; never resolves. */
async function failureOf({ ended }: Program): Promise<never> {
  await ended
  return new Promise<never>(() => undefined)
}
