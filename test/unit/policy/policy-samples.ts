import type { Attributes } from '../../../src/policy/attributes.ts'
import { type CompiledIdentity, compileWorkloadIdentity } from '../../../src/policy/compile.ts'

const DEFAULTS = { trustDomain: 'example.org', x509TtlSeconds: 3600, jwtTtlSeconds: 300 }

/** A workload identity from a spec that may be wrong on purpose. */
export function compile(spec: object, name = 'web'): CompiledIdentity {
  return compileWorkloadIdentity({ name, revision: '1', labels: {}, spec: spec as never }, DEFAULTS)
}

/** One caller with every kind of attribute. */
export const CALLER: Attributes = {
  workload: {
    unix: {
      pid: 812,
      uid: 1000,
      gid: 1000,
      groups: [1000, 27],
      user: 'alice',
      group: 'staff',
      binary_path: '/opt/payments/bin/server',
      started_at: '2026-11-24T10:00:00Z',
    },
  },
  join: {
    method: 'secret',
    token: 'first',
    github: { repository: 'acme/payments', run: 7, tags: ['a', 'b'] },
  },
  bot: {
    name: 'builder',
    instance_id: '01J',
    traits: { team: 'pay', odd: 'a/b', dots: 'a.internal', half: 'a\ud800' },
  },
}
