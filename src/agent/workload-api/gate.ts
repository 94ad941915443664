import type { CallHead } from '../../rpc/handlers.ts'
import { InvalidWorkloadRequestError } from './errors.ts'

const KEY = 'workload.spiffe.io'

/**
 * Every call carries the metadata `workload.spiffe.io: true`, exactly once (Workload Endpoint §3): a browser or a proxy that
 * was tricked into calling does not. Checked before anything is done for the caller (§6).
 */
export function checkMetadata(head: CallHead): void {
  const values = head.metadata(KEY)
  if (values.length !== 1 || values[0] !== 'true') {
    throw new InvalidWorkloadRequestError('security header missing from request')
  }
}
