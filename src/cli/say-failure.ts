import { CodedError, messageOf } from '../foundation/errors.ts'
import { exitCodeOf } from './exit-codes.ts'
import { warn } from './output.ts'

/** Prints an error and returns its exit code. */
export function sayFailure(error: unknown): number {
  if (error instanceof CodedError) {
    for (const line of error.lines ?? [error.message]) warn(`signet: ${line}`)
  } else {
    warn(`signet: this is a defect of signet, please report it: ${messageOf(error)}`)
    const stack = error instanceof Error ? (error.stack ?? '') : ''
    for (const frame of stack.split('\n').filter((line) => /^ +at /.test(line))) warn(frame)
  }
  return exitCodeOf(error)
}
