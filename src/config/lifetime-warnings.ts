import { formatDuration } from '../foundation/duration.ts'
import { lifeProblem } from '../foundation/life-problem.ts'
import type { AuthorityConfig } from './authority-config.ts'

/** Warns about lifetimes that the configured lifetimes of the signing keys cannot always provide. */
export function lifetimeWarnings({ lifetimes }: Pick<AuthorityConfig, 'lifetimes'>): string[] {
  return (
    [
      ['default_x509_svid', 'spiffe_ca'],
      ['default_jwt_svid', 'jwt_key'],
      ['bot_certificate', 'control_issuing'],
      ['control_issuing', 'control_root'],
    ] as const
  ).flatMap(([life, key]) => {
    const problem = lifeProblem(lifetimes[life], lifetimes[key], formatDuration)
    return problem === undefined ? [] : [`lifetimes.${life}: ${problem} (lifetimes.${key})`]
  })
}
