import { CodedError, messageOf } from '../foundation/errors.ts'
import { RpcError } from '../rpc/status.ts'
import { exitCodeOf } from './exit-codes.ts'
import { formatJson, warn } from './output.ts'

/** Prints an error with its code, which the reference of errors explains, and returns its exit code. */
export function sayFailure(error: unknown, asJson = false): number {
  if (asJson) warn(describe(error))
  else if (error instanceof CodedError) {
    const lines = error.lines ?? [error.message]
    for (const [at, line] of lines.entries()) {
      warn(`signet: ${line}${at === lines.length - 1 ? ` (${codeOf(error)})` : ''}`)
    }
  } else {
    warn(`signet: this is a defect of signet, please report it: ${messageOf(error)}`)
    const stack = error instanceof Error ? (error.stack ?? '') : ''
    for (const frame of stack.split('\n').filter((line) => /^ +at /.test(line))) warn(frame)
  }
  return exitCodeOf(error)
}

/** One line of JSON, for standard error: standard output has only what was asked for. */
function describe(error: unknown): string {
  const known = error instanceof CodedError ? error : undefined
  const code = codeOf(error)
  const described = {
    code,
    kind: known?.kind ?? 'internal',
    message: messageOf(error),
    lines: known?.lines,
    reference: known?.reference,
    exitCode: exitCodeOf(error),
    documentation: code && `docs/reference/errors.md#${code.toLowerCase()}`,
  }
  return formatJson({ error: described }, 0)
}

/** The code that the program at the other end told, else ours. A defect has none. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof RpcError && error.remoteCode !== undefined) return error.remoteCode
  return error instanceof CodedError ? error.code : undefined
}
