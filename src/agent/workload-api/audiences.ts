import { InvalidWorkloadRequestError } from './errors.ts'

/** Some clients take no more audiences than these in a token. */
const MAX_AUDIENCES = 32
const MAX_AUDIENCE_BYTES = 1_024
/** Tokens are kept by their audiences, and asked for together with those of other callers: one caller shall not fill either. */
const MAX_AUDIENCES_BYTES = 4_096

/** The asked audiences, sorted and without doubles. @throws InvalidWorkloadRequestError (Workload API §4.5, §6.2.1) */
export function checkAudiences(asked: readonly string[]): readonly string[] {
  if (asked.length === 0) throw new InvalidWorkloadRequestError('audience must be specified')
  for (const audience of asked) checkAudience(audience)
  if (asked.length === 1) return asked
  const audiences = [...new Set(asked)].sort()
  if (audiences.length > MAX_AUDIENCES)
    throw new InvalidWorkloadRequestError(`more than ${MAX_AUDIENCES} audiences`)
  const bytes = audiences.reduce((sum, audience) => sum + Buffer.byteLength(audience), 0)
  if (bytes > MAX_AUDIENCES_BYTES) {
    throw new InvalidWorkloadRequestError(`more than ${MAX_AUDIENCES_BYTES} bytes of audiences`)
  }
  return audiences
}

export function checkAudience(audience: string): void {
  if (audience === '') throw new InvalidWorkloadRequestError('audience must be specified')
  if (Buffer.byteLength(audience) > MAX_AUDIENCE_BYTES) {
    throw new InvalidWorkloadRequestError(`an audience is longer than ${MAX_AUDIENCE_BYTES} bytes`)
  }
}
