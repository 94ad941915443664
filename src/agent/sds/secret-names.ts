import { isTrustDomainName } from '../../spiffe/trust-domain.ts'

/** The names that are no SPIFFE IDs, as `agent.yaml` has them. */
export interface SecretNamesConfig {
  readonly default_svid_name: string
  readonly default_bundle_name: string
  readonly default_all_bundles_name: string
}

/** What a name stands for; the name itself says which. */
export type SecretKind = 'default_svid' | 'svid' | 'own_bundle' | 'bundle' | 'all_bundles' | 'unknown'

const SCHEME = 'spiffe://'

/** How secrets are named: by SPIFFE IDs, which mean themselves, and by three more names. */
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

  /** Whether an X.509-SVID may be what this name asks for. */
  isSvid(name: string): boolean {
    const kind = this.kindOf(name)
    return kind === 'svid' || kind === 'default_svid'
  }
}

/** `spiffe://example.org` → `example.org` */
export function trustDomainOf(name: string): string {
  return name.slice(SCHEME.length)
}
