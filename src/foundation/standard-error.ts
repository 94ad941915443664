import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import type { WriteNow } from './line-writer.ts'

const STDERR = 2

/**
 * Returns a function that writes to standard error without ever blocking. Whether a write blocks is
 * a property of the open file description, which we share with our parent. So a pipe or terminal is
 * opened a second time. Where that is not permitted, or for a socket, Node opens its own stream,
 * which makes the shared description non-blocking. A write to a file never blocks for long.
 */
export function standardErrorNow(): WriteNow {
  const fd = unblocked()
  return (bytes) => writeSync(fd, bytes)
}

function unblocked(): number {
  const found = fstatSync(STDERR)
  if (found.isFile()) return STDERR
  if (!found.isSocket()) {
    try {
      return openSync(
        `/proc/self/fd/${STDERR}`,
        constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
      )
    } catch {
      // a pipe of another user, or one without a reader
    }
  }
  void process.stderr
  return STDERR
}
