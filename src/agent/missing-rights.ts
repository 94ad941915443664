import { readFileSync } from 'node:fs'
import type { Logger } from '../foundation/logger.ts'
import { fieldOf } from '../peer/proc-text.ts'

const CAP_SYS_PTRACE = 19n

/** Without this right the executables of other users' processes cannot be seen (design 6): rules on them then never match. */
export function noteMissingRights(logger: Logger): void {
  const effective = fieldOf(readFileSync('/proc/self/status', 'latin1'), 'CapEff') ?? '0'
  if (((BigInt(`0x${effective}`) >> CAP_SYS_PTRACE) & 1n) === 1n) return
  logger.warn(
    { event: 'attestation.limited', missing: 'CAP_SYS_PTRACE' },
    'the executables and namespaces of other users are not known: they need CAP_SYS_PTRACE',
  )
}
