import type { SpecOf } from '../../../config/resources.ts'
import { formatDuration } from '../../../foundation/duration.ts'
import { lintWorkloadIdentity } from '../../../policy/compile.ts'
import { PolicyInvalidError } from '../../../policy/problem.ts'
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
      return { problems: [], warnings: lintWorkloadIdentity(identity), identity }
    } catch (error) {
      if (!(error instanceof PolicyInvalidError)) throw error
      return { problems: error.problems }
    }
  },
  follow: (index, name, after) => index.noteIdentity(name, after && identityOf(after)),
}

function withTtl({ ttlSeconds, ...rest }: { readonly ttlSeconds?: number }): object {
  return ttlSeconds === undefined ? rest : { ttl: formatDuration(ttlSeconds), ...rest }
}
