import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import type { WriteNow } from './line-writer.ts'

const STDERR = 2

/**
 * Writes to standard error without ever waiting for its reader. Whether a write waits is a property of the open file description, which we
 * share with whoever started us: so a pipe or terminal is opened a second time. Where that is not allowed, or it is a socket, Node is let
 * open its stream on it, which makes pipes and sockets of the shared description non-blocking. A file never waits.
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
      // a pipe of another user, or one that nobody reads now
    }
  }
  void process.stderr
  return STDERR
}
