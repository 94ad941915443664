import { Command, type CommandEntry } from './command.ts'

/** Every command. Its code is loaded when it is the one that was asked for. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    path: ['trial'],
    summary: 'run an authority, an agent and a workload on this machine, to see how they work',
    load: () => import('./commands/trial/trial.ts'),
  },
  {
    path: ['authority', 'run'],
    summary: 'run the authority',
    load: () => import('./commands/authority/run.ts'),
  },
  {
    path: ['authority', 'status'],
    summary: 'show the status of the authority',
    load: () => import('./commands/authority/status.ts'),
  },
  {
    path: ['authority', 'rekey'],
    summary: 'change the key-encryption key',
    load: () => import('./commands/authority/rekey.ts'),
  },
  {
    path: ['authority', 'backup'],
    summary: 'copy the data of the authority while it runs',
    load: () => import('./commands/authority/backup.ts'),
  },
  {
    path: ['authority', 'restore'],
    summary: 'check a backup, or put it in the place of the data',
    load: () => import('./commands/authority/restore.ts'),
  },
  { path: ['agent', 'run'], summary: 'run the agent', load: () => import('./commands/agent/run.ts') },
  {
    path: ['agent', 'status'],
    summary: 'show the status of the agent',
    load: () => import('./commands/agent/status.ts'),
  },
  { path: ['apply'], summary: 'create or change resources', load: () => import('./commands/apply.ts') },
  { path: ['diff'], summary: 'show what apply would change', load: () => import('./commands/diff.ts') },
  { path: ['get'], summary: 'list or show resources', load: () => import('./commands/get/get.ts') },
  { path: ['delete'], summary: 'remove a resource', load: () => import('./commands/delete.ts') },
  { path: ['bot', 'create'], summary: 'create a bot', load: () => import('./commands/bot/create.ts') },
  {
    path: ['token', 'create'],
    summary: 'create a join token, and print how an agent joins with it',
    load: () => import('./commands/token/create.ts'),
  },
  { path: ['lock'], summary: 'ban something at once', load: () => import('./commands/lock.ts') },
  { path: ['unlock'], summary: 'lift a ban', load: () => import('./commands/unlock.ts') },
  {
    path: ['explain'],
    summary: 'show which identities a process gets, and why not others',
    load: () => import('./commands/explain.ts'),
  },
  {
    path: ['svid', 'fetch'],
    summary: 'fetch SVIDs as a workload does',
    load: () => import('./commands/svid/fetch.ts'),
  },
  {
    path: ['svid', 'inspect'],
    summary: 'show and check an SVID',
    load: () => import('./commands/svid/inspect.ts'),
  },
  {
    path: ['svid', 'validate'],
    summary: 'ask the agent whether a JWT-SVID is valid',
    load: () => import('./commands/svid/validate.ts'),
  },
  {
    path: ['bundle', 'fetch'],
    summary: 'fetch the trust bundle',
    load: () => import('./commands/bundle/fetch.ts'),
  },
  {
    path: ['bundle', 'set'],
    summary: 'set the bundle of a foreign trust domain',
    load: () => import('./commands/bundle/set.ts'),
  },
  {
    path: ['envoy', 'bootstrap'],
    summary: 'print the configuration of an Envoy that gets its certificates from the agent',
    load: () => import('./commands/envoy/bootstrap.ts'),
  },
  { path: ['ca', 'list'], summary: 'list the signing keys', load: () => import('./commands/ca/list.ts') },
  {
    path: ['ca', 'rotate'],
    summary: 'replace a signing key',
    load: () => import('./commands/ca/rotate.ts'),
  },
  { path: ['audit', 'list'], summary: 'list audit events', load: () => import('./commands/audit/list.ts') },
  {
    path: ['audit', 'archive'],
    summary: 'move old audit events from the database into a file',
    load: () => import('./commands/audit/archive.ts'),
  },
  {
    path: ['audit', 'trace'],
    summary: 'show which process an SVID was issued for, and which processes got it',
    load: () => import('./commands/audit/trace.ts'),
  },
  {
    path: ['audit', 'verify'],
    summary: 'check that the audit log is complete and unchanged',
    load: () => import('./commands/audit/verify.ts'),
  },
  { path: ['version'], summary: 'print the version', load: () => import('./commands/version.ts') },
  {
    path: ['completion'],
    summary: 'print a completion script for a shell',
    load: () => import('./commands/completion.ts'),
  },
]

/** What the nouns mean, for help. */
export const NOUNS: Readonly<Record<string, string>> = {
  authority: 'the program that signs',
  agent: 'the program that serves workloads',
  bot: 'machine users',
  token: 'permissions to join',
  svid: 'SPIFFE identities',
  bundle: 'what SVIDs are verified with',
  envoy: 'proxies that speak mutual TLS for a program',
  ca: 'signing keys of the authority',
  audit: 'what has happened',
}

/** What the command says of itself. */
export async function loadCommand({ path, summary, load }: CommandEntry): Promise<Command> {
  const { define } = await load()
  const command = new Command(path.join(' '), summary)
  define(command, COMMANDS)
  return command
}
