import { audienceProblem, describeAudienceProblem } from '../../policy/audience-limits.ts'
import { InvalidWorkloadRequestError } from './errors.ts'

/**
 * Returns the requested audiences sorted and distinct.
 * @throws InvalidWorkloadRequestError (Workload API §4.5, §6.2.1)
 */
export function checkAudiences(asked: readonly string[]): readonly string[] {
  const audiences = asked.length === 1 ? asked : [...new Set(asked)].sort()
  const problem = audienceProblem(audiences)
  if (problem !== undefined) throw new InvalidWorkloadRequestError(describeAudienceProblem(problem))
  return audiences
}

export function checkAudience(audience: string): void {
  checkAudiences([audience])
}
