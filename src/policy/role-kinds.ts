/** What a rule of a role can grant on each kind of thing, besides choosing which by `name` and `labels`. */
export const ROLE_KINDS: Readonly<Record<string, readonly string[]>> = {
  workload_identity: ['spiffe_ids', 'dns_names'],
}

/**
 * Kinds of the same grammar that nothing in this version asks for: a rule for one of them would be a promise
 * that nobody keeps.
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
