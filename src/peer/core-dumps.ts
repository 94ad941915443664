import { SystemCallError } from './errors.ts'
import { loadLibc } from './libc.ts'

const RLIMIT_CORE = 4
/** struct rlimit64 { soft, hard } of zero bytes each. */
const NONE = Buffer.alloc(16)

/** Lets this process leave no core dump: it would hold every key. @throws SystemCallError */
export function forbidCoreDumps(): void {
  const libc = loadLibc()
  if (libc.prlimit(0, RLIMIT_CORE, NONE, null) !== 0) throw new SystemCallError('prlimit', libc.errno())
}
