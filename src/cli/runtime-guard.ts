import inspector from 'node:inspector'
import type { Logger } from '../foundation/logger.ts'
import { UnsafeRuntimeError } from './errors.ts'

/** Node options that expose memory or environment, including keys, to other users or in files. */
const SHOWS_MEMORY =
  /^--(inspect(-[a-z-]+)?|debug-port|tls-keylog|trace-tls|heapsnapshot-(signal|near-heap-limit)|heap-prof|report-(on-signal|signal|on-fatalerror|uncaught-exception)|experimental-network-inspection|experimental-worker-inspection)$/

/**
 * Refuses to run with keys in a Node that exposes them: with an open debugger, or with an option
 * that writes memory or TLS secrets. Other options from `NODE_OPTIONS` are logged, because the code
 * that they load has all rights of this program.
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

/**
 * Splits NODE_OPTIONS as Node does. Within quotes a backslash escapes a character. Option names
 * contain no backslash, so it can be removed everywhere.
 */
function wordsOf(nodeOptions: string): string[] {
  return nodeOptions.replaceAll('\\', '').split(/[\s"]+/)
}

/** Returns the option names without their values, which may be secrets. Node treats `_` as `-`. */
function optionNames(words: readonly string[]): string[] {
  return words
    .filter((word) => word.startsWith('-') && word !== '--')
    .map((word) => (word.split('=', 1)[0] as string).replaceAll('_', '-'))
}
