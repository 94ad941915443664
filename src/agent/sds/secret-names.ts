import { isTrustDomainName } from '../../spiffe/trust-domain.ts'

/** The secret names that are not SPIFFE IDs, as configured in `agent.yaml`. */
export interface SecretNamesConfig {
  readonly default_svid_name: string
  readonly default_bundle_name: string
  readonly default_all_bundles_name: string
}

/** What a secret name stands for; the name alone determines it. */
type SecretKind = 'default_svid' | 'svid' | 'own_bundle' | 'bundle' | 'all_bundles' | 'unknown'

const SCHEME = 'spiffe://'

/** The names of secrets: SPIFFE IDs, which stand for themselves, and three configured names. */
export class SecretNames {
  readonly #kinds: ReadonlyMap<string, SecretKind>

  constructor(config: SecretNamesConfig) {
    this.#kinds = new Map([
      [config.default_svid_name, 'default_svid'],
      [config.default_bundle_name, 'own_bundle'],
      [config.default_all_bundles_name, 'all_bundles'],
    ])
  }

  kindOf(name: string): SecretKind {
    const kind = this.#kinds.get(name)
    if (kind !== undefined) return kind
    if (!name.startsWith(SCHEME)) return 'unknown'
    if (name.includes('/', SCHEME.length)) return 'svid'
    return isTrustDomainName(trustDomainOf(name)) ? 'bundle' : 'unknown'
  }

  /** Whether the name stands for an X.509-SVID. */
  isSvid(name: string): boolean {
    const kind = this.kindOf(name)
    return kind === 'svid' || kind === 'default_svid'
  }
}

/** `spiffe://example.org` → `example.org` */
export function trustDomainOf(name: string): string {
  return name.slice(SCHEME.length)
}
