/** What a role can allow on each kind of thing, besides choosing which by `name` and `labels`. */
export const ROLE_KINDS: Readonly<Record<string, readonly string[]>> = {
  workload_identity: ['spiffe_ids', 'dns_names', 'verbs'],
  database: ['users', 'databases'],
  ssh_host: ['principals'],
  kubernetes: ['users', 'groups', 'namespaces'],
  application: ['groups'],
  role: ['verbs'],
  bot: ['verbs'],
  join_token: ['verbs'],
  federation: ['verbs'],
  lock: ['verbs'],
  ca: ['verbs'],
  audit: ['verbs'],
}

/** Administration of Signet itself, as the commands call it. */
export const VERBS: readonly string[] = ['get', 'list', 'create', 'update', 'delete', 'rotate', 'verify']

/** Kinds for which a rule without verbs would say nothing. */
export const ADMINISTERED_KINDS: ReadonlySet<string> = new Set([
  'role',
  'bot',
  'join_token',
  'federation',
  'lock',
  'ca',
  'audit',
])
