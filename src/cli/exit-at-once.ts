import { flushCompileCache } from 'node:module'
import { loadLibc } from '../peer/libc.ts'

/**
 * Ends this process without waiting for its threads. process.exit() waits for them, and one that
 * reads an executable on a dead mount never ends. Listeners for `exit` are called first.
 */
export function exitAtOnce(): void {
  const { exit } = loadLibc()
  process.once('exit', (code) => {
    flushCompileCache() // Node does this after it has waited
    exit(code)
  })
  process.exit()
}
