import type { Lifecycle } from '../../../foundation/lifecycle.ts'
import type { RpcCalls } from '../../../rpc/calls.ts'
import type { CreateJoinTokenResponse__Output } from '../../../rpc/gen/signet/v1/CreateJoinTokenResponse.ts'
import { list } from '../../lists.ts'
import { sendResources } from '../apply.ts'
import { type LogLine, TrialChild } from './child.ts'
import { TrialFailedError } from './errors.ts'
import { agentYaml, authorityYaml, BOT, resourcesYaml, writePrivate } from './files.ts'
import type { TrialPlace } from './place.ts'

/** Starts the two programs in order, each with what it must know of the other. */

interface AuthorityProcess {
  readonly child: TrialChild
  readonly listen: string
  readonly pin: string
}

export async function startAuthority(place: TrialPlace, lifecycle: Lifecycle): Promise<AuthorityProcess> {
  const config = place.file('authority.yaml')
  await writePrivate(config, authorityYaml(place))
  const args = ['authority', 'run', '--config', config]
  const child = lifecycle.use(new TrialChild('authority', args, place.file('authority.log')))
  const started = await child.until(({ event, listen, pin }) =>
    event === 'authority.started' ? { listen: String(listen), pin: String(pin) } : undefined,
  )
  return { child, ...started }
}

/** Creates a role, a bot and workload identities the first time. Later changes by the user are kept. */
export async function createResources(client: RpcCalls): Promise<boolean> {
  if ((await list(client, 'bot')).some(({ name }) => name === BOT)) return false
  const text = resourcesYaml(process.getuid?.() ?? 0)
  const { problems } = await sendResources(client, { files: [{ text, name: 'trial.yaml' }] })
  if (problems.length > 0) throw new TrialFailedError(problems.join('\n'), { lines: problems })
  return true
}

/** The outcome in the agent's log. */
type SyncOutcome = 'synced' | 'refused'

interface AgentProcess {
  readonly child: TrialChild
  /** The join token created for this start, if one was necessary. */
  readonly joinToken: string | undefined
}

/**
 * Starts the agent. One that has joined before keeps its identity. If the authority does not know
 * it any more, or it has lost its state, it gets a new join token, as an operator would do.
 */
export async function startAgent(
  place: TrialPlace,
  authority: AuthorityProcess,
  client: RpcCalls,
  lifecycle: Lifecycle,
): Promise<AgentProcess> {
  const { usedToken } = place
  if (usedToken !== undefined) {
    const child = lifecycle.use(await launchAgent(place, authority, usedToken))
    const outcome = await child.until(outcomeOf).catch(() => 'refused' as const)
    if (outcome === 'synced') return { child, joinToken: undefined }
    await child[Symbol.asyncDispose]()
  }
  const made = await client.unary<object, CreateJoinTokenResponse__Output>(
    'signet.v1.AdminService',
    'CreateJoinToken',
    {
      bot: BOT,
      name: '',
      ttlSeconds: 600,
      maxUses: 1,
    },
  )
  await writePrivate(place.file('keys', 'join-secret'), made.secret)
  const child = lifecycle.use(await launchAgent(place, authority, made.name))
  await child.until((line) => outcomeOf(line) === 'synced' || undefined)
  await writePrivate(place.tokenFile, made.name)
  return { child, joinToken: made.name }
}

async function launchAgent(
  place: TrialPlace,
  authority: AuthorityProcess,
  token: string,
): Promise<TrialChild> {
  const config = place.file('agent.yaml')
  await writePrivate(config, agentYaml(place, { address: authority.listen, pin: authority.pin, token }))
  return new TrialChild('agent', ['agent', 'run', '--config', config], place.file('agent.log'))
}

function outcomeOf({ event }: LogLine): SyncOutcome | undefined {
  switch (event) {
    case 'sync.established':
    case 'sync.restored':
      return 'synced'
    case 'renewal.failed':
    case 'identity.foreign':
    case 'identity.unreadable':
      return 'refused'
    default:
      return undefined
  }
}
