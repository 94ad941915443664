import inspector from 'node:inspector'
import type { Logger } from '../foundation/logger.ts'
import { UnsafeRuntimeError } from './errors.ts'

/** Options of Node that show what the process holds in memory or its environment, its keys included, to others or in files of others. */
const SHOWS_MEMORY =
  /^--(inspect(-[a-z-]+)?|debug-port|tls-keylog|trace-tls|heapsnapshot-(signal|near-heap-limit)|heap-prof|report-(on-signal|signal|on-fatalerror|uncaught-exception)|experimental-network-inspection|experimental-worker-inspection)$/

/**
 * Refuses to run with keys in a Node that would show them: a debugger is open, or an option says that memory or TLS secrets are to be
 * written out. Other options that come from `NODE_OPTIONS` are named in the log, because they run with every right of the program.
 *
 * @throws UnsafeRuntimeError
 */
export function guardRuntime(
  logger: Logger,
  from: { execArgv: readonly string[]; nodeOptions: string | undefined } = {
    execArgv: process.execArgv,
    nodeOptions: process.env['NODE_OPTIONS'],
  },
  debuggerUrl: string | undefined = inspector.url(),
): void {
  const fromEnvironment = optionNames(wordsOf(from.nodeOptions ?? ''))
  const unsafe = [...optionNames(from.execArgv), ...fromEnvironment].find((name) => SHOWS_MEMORY.test(name))
  if (unsafe !== undefined) {
    throw new UnsafeRuntimeError(
      `Node's option ${unsafe} would show the keys of this program: start it without`,
    )
  }
  if (debuggerUrl !== undefined) {
    throw new UnsafeRuntimeError(
      "Node's debugger is open, and shows the keys of this program: start it without",
    )
  }
  if (fromEnvironment.length > 0) {
    logger.warn(
      { event: 'program.node_options', options: fromEnvironment },
      'NODE_OPTIONS is set: what it loads runs with all rights of this program',
    )
  }
}

/** As Node reads them: within quotes a backslash takes the next character as it is. Outside it means nothing, and no name has one. */
function wordsOf(nodeOptions: string): string[] {
  return nodeOptions.replaceAll('\\', '').split(/[\s"]+/)
}

/** The names alone: a value may be a secret. Node takes `_` for `-`. */
function optionNames(words: readonly string[]): string[] {
  return words
    .filter((word) => word.startsWith('-') && word !== '--')
    .map((word) => (word.split('=', 1)[0] as string).replaceAll('_', '-'))
}
