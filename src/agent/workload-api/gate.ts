import type { CallHead } from '../../rpc/handlers.ts'
import { InvalidWorkloadRequestError } from './errors.ts'

const KEY = 'workload.spiffe.io'

/**
 * Checks that the call has the metadata `workload.spiffe.io: true` exactly once (Workload Endpoint
 * §3). A browser or proxy that was tricked into a request (SSRF) does not send it. Checked before
 * any other work for the caller (§6). @throws InvalidWorkloadRequestError
 */
export function checkMetadata(head: CallHead): void {
  const values = head.metadata(KEY)
  if (values.length !== 1 || values[0] !== 'true') {
    throw new InvalidWorkloadRequestError('security header missing from request')
  }
}
