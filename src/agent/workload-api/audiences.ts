import { InvalidWorkloadRequestError } from './errors.ts'

/** Some clients take no more audiences than these in a token. */
const MOST = 32
const LONGEST = 1_024

/** The asked audiences, sorted and without doubles. @throws InvalidWorkloadRequestError (Workload API §4.5, §6.2.1) */
export function checkAudiences(asked: readonly string[]): readonly string[] {
  if (asked.length === 0) throw new InvalidWorkloadRequestError('audience must be specified')
  for (const audience of asked) checkAudience(audience)
  if (asked.length === 1) return asked
  const audiences = [...new Set(asked)].sort()
  if (audiences.length > MOST) throw new InvalidWorkloadRequestError(`more than ${MOST} audiences`)
  return audiences
}

export function checkAudience(audience: string): void {
  if (audience === '') throw new InvalidWorkloadRequestError('audience must be specified')
  if (audience.length > LONGEST) {
    throw new InvalidWorkloadRequestError(`an audience is longer than ${LONGEST} characters`)
  }
}
