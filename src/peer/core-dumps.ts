import { SystemCallError } from './errors.ts'
import { loadLibc } from './libc.ts'

const RLIMIT_CORE = 4
/** struct rlimit64: soft and hard limit, both 0 bytes. */
const NONE = Buffer.alloc(16)

/**
 * Disables core dumps of this process: a dump would contain every private key. @throws
 * SystemCallError
 */
export function forbidCoreDumps(): void {
  const libc = loadLibc()
  if (libc.prlimit(0, RLIMIT_CORE, NONE, null) !== 0) throw new SystemCallError('prlimit', libc.errno())
}
