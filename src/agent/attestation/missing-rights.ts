import type { Logger } from '../../foundation/logger.ts'
import type { PeerKernel } from '../../peer/kernel.ts'

/**
 * Logs which attributes of callers cannot be read here (decision 0006); rules that use them never
 * match.
 */
export function noteMissingRights(
  logger: Logger,
  { mayInspectAll, followsPaths }: Pick<PeerKernel, 'mayInspectAll' | 'followsPaths'>,
): void {
  if (!mayInspectAll) {
    logger.warn(
      { event: 'attestation.limited', missing: 'CAP_SYS_PTRACE' },
      'executables and namespaces of other users cannot be read: the agent needs CAP_SYS_PTRACE',
    )
  }
  if (!followsPaths) {
    logger.warn(
      { event: 'attestation.limited', missing: 'openat2' },
      'paths of executables in other mount namespaces cannot be read: openat2 is refused here (RestrictSUIDSGID=, a seccomp filter)',
    )
  }
}
