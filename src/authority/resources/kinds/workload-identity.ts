import { JOIN_METHODS } from '../../../config/join-methods/registry.ts'
import type { SpecOf } from '../../../config/resources.ts'
import { formatDuration } from '../../../foundation/duration.ts'
import { type CompiledIdentity, lintWorkloadIdentity } from '../../../policy/compile.ts'
import { impossibleMatches, unprovenAttributes } from '../../../policy/impossible.ts'
import { PolicyInvalidError, type PolicyProblem } from '../../../policy/problem.ts'
import { identityOf } from '../stored-specs.ts'
import type { ResourceKindDefinition } from './resource-kind.ts'

export const workloadIdentity: ResourceKindDefinition<'workload_identity'> = {
  asWritten: ({ x509, jwt, ...rest }: SpecOf<'workload_identity'>) => ({
    ...rest,
    ...(x509 ? { x509: withTtl(x509) } : {}),
    ...(jwt ? { jwt: withTtl(jwt) } : {}),
  }),
  check: ({ name, labels, spec }, compile) => {
    try {
      const identity = compile({ name, revision: '', labels, spec })
      const problems = [
        ...impossibleMatches(spec.allow, ['allow'], JOIN_METHODS),
        ...impossibleMatches(spec.deny, ['deny'], JOIN_METHODS),
      ]
      return { problems, warnings: [...lintWorkloadIdentity(identity), ...neverProven(identity)], identity }
    } catch (error) {
      if (!(error instanceof PolicyInvalidError)) throw error
      return { problems: error.problems }
    }
  },
  follow: (index, name, after) => index.noteIdentity(name, after && identityOf(after)),
}

/** Expressions and templates may ask whether they have an attribute, so one that nobody has is no mistake. */
function neverProven(identity: CompiledIdentity): PolicyProblem[] {
  return unprovenAttributes(identity.usedAttributes).map((attribute) => ({
    path: [],
    message: `this version has no join method that proves ${attribute}: it is always absent`,
  }))
}

function withTtl({ ttlSeconds, ...rest }: { readonly ttlSeconds?: number }): object {
  return ttlSeconds === undefined ? rest : { ttl: formatDuration(ttlSeconds), ...rest }
}
