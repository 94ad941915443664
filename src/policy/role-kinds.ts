/** The keys with which a role rule bounds what it grants on each kind, besides `name` and `labels`. */
export const ROLE_KINDS: Readonly<Record<string, readonly string[]>> = {
  workload_identity: ['spiffe_ids', 'dns_names'],
}

/**
 * Kinds of the same grammar that this version does not use. A rule for one of them would have no
 * effect, so it is refused.
 */
export const UNSUPPORTED_KINDS: ReadonlySet<string> = new Set([
  'database',
  'ssh_host',
  'kubernetes',
  'application',
  'role',
  'bot',
  'join_token',
  'federation',
  'lock',
  'ca',
  'audit',
])
