import type { AuthorityConfig } from '../../config/authority-config.ts'
import { compileWorkloadIdentity } from '../../policy/compile.ts'
import type { Compile } from './identity-entry.ts'

/** The lifetimes, in seconds, of SVIDs whose workload identity states none. */
export interface DefaultLives {
  readonly x509TtlSeconds: number
  readonly jwtTtlSeconds: number
}

export function defaultLives({ lifetimes }: Pick<AuthorityConfig, 'lifetimes'>): DefaultLives {
  return { x509TtlSeconds: lifetimes.default_x509_svid, jwtTtlSeconds: lifetimes.default_jwt_svid }
}

/** Compiles workload identities for this trust domain, with these lifetimes as defaults. */
export function compilerFor(trustDomain: string, lives: DefaultLives): Compile {
  return (identity) => compileWorkloadIdentity(identity, { trustDomain, ...lives })
}
