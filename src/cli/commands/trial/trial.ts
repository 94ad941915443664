import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { systemClock } from '../../../foundation/clock.ts'
import { formatInstant } from '../../../foundation/instant.ts'
import { Lifecycle } from '../../../foundation/lifecycle.ts'
import type { Explanation } from '../../../policy/policy.ts'
import type { RpcCalls } from '../../../rpc/calls.ts'
import { LocalClient } from '../../../rpc/plain/local-client.ts'
import { RpcError, StatusCode } from '../../../rpc/status.ts'
import type { Command } from '../../command.ts'
import { describeX509Svid } from '../../describe-svid.ts'
import { print, printLine, printPainted } from '../../output.ts'
import { fetchJwtSvids, fetchX509Svids, watchX509Svids } from '../../workload-api.ts'
import type { TrialChild } from './child.ts'
import { TRUST_DOMAIN } from './files.ts'
import { TrialPlace } from './place.ts'
import { createResources, startAgent, startAuthority } from './programs.ts'
import { showPush } from './push.ts'
import { heading, showCaller, showDecision, showSvids } from './show.ts'

interface Options {
  readonly dir: string
  readonly once?: boolean
}

/** Enough for a cold start on a slow machine. */
const FIRST_FETCH_MS = 30_000
const AUDIENCE = 'trial-audience'

export function define(command: Command): void {
  command
    .flag('--dir <dir>', 'where everything is kept', { default: '.signet' })
    .flag('--once', 'end after the first fetch')
    .note('Starts an authority and an agent as two processes and fetches SVIDs like a workload.')
    .action(trial)
    .example('signet trial', 'signet trial --once --dir /tmp/trial')
}

async function trial(options: Options): Promise<void> {
  using place = await TrialPlace.take(path.resolve(options.dir))
  const interrupted = Promise.withResolvers<void>()
  let signals = 0
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      signals += 1
      if (signals > 1) process.exit(130) // the child processes end when their standard input closes
      interrupted.resolve()
    })
  }
  printPainted('heading', `Signet's trial, in ${place.directory}`)
  if (place.note) print(`(${place.note})`)
  await using lifecycle = new Lifecycle()
  await Promise.race([run(place, options, lifecycle), interrupted.promise])
  if (signals > 0) print('\nEnding.')
}

/** Runs the trial. The lifecycle ends what it starts when it is finished, has failed or is interrupted. */
async function run(place: TrialPlace, options: Options, lifecycle: Lifecycle): Promise<void> {
  printPainted('quiet', 'starting the authority, which makes its keys, and then the agent …')
  const authority = await startAuthority(place, lifecycle)
  print(`authority: process ${authority.child.pid}, ${authority.listen}, trust domain ${TRUST_DOMAIN}`)

  const admin = lifecycle.use(new LocalClient({ unixPath: place.authoritySocket }))
  if (await createResources(admin)) print('created:   a role, a bot and two workload identities')
  const agent = await startAgent(place, authority, admin, lifecycle)
  const how =
    agent.joinToken === undefined ? 'goes on as the bot it was' : `joined with the token ${agent.joinToken}`
  print(`agent:     process ${agent.child.pid}, ${how}`)

  const programs = [authority.child, agent.child]
  const failed = Promise.race(programs.map((program) => program.failed))
  await Promise.race([failed, fetchAndShow(place)])
  using workload = workloadClient(place)
  await Promise.race([failed, showPush(admin, workload)])
  if (options.once) return
  showHowToGoOn(place)
  await Promise.race([failed, watchRotations(place, programs, lifecycle.signal)])
}

async function fetchAndShow(place: TrialPlace): Promise<void> {
  using agentAdmin = new LocalClient({ unixPath: place.agentAdminSocket })
  using workload = workloadClient(place)
  const x509 = await patiently(() => fetchX509Svids(workload))
  const jwt = await patiently(() => fetchJwtSvids(workload, { audience: [AUDIENCE] }))
  const { explanationJson } = await agentAdmin.unary<object, { explanationJson: string }>(
    'signet.v1.AgentAdminService',
    'Explain',
    { pid: process.pid },
  )
  const explanation = JSON.parse(explanationJson) as Explanation
  showCaller(explanation)
  showDecision(explanation)
  showSvids(x509, jwt)
}

/**
 * Retries while the agent is UNAVAILABLE: after a long pause all SVIDs have expired, and new ones
 * are being issued.
 */
async function patiently<T>(fetch: () => Promise<T>): Promise<T> {
  const untilMs = systemClock.monotonicMs() + FIRST_FETCH_MS
  for (;;) {
    try {
      return await fetch()
    } catch (error) {
      const passing = error instanceof RpcError && error.status === StatusCode.UNAVAILABLE
      if (!passing || systemClock.monotonicMs() > untilMs) throw error
      await wait(50)
    }
  }
}

function showHowToGoOn(place: TrialPlace): void {
  heading('Point any SPIFFE client of this user at it')
  print(`  export SPIFFE_ENDPOINT_SOCKET=unix://${place.workloadSocket}`)
  print('  npx --no-install signet svid fetch x509')
  print('  npx --no-install signet explain --pid $$')
  heading('Administer it')
  print(`  export SIGNET_ADMIN_SOCKET=${place.authoritySocket}`)
  print('  npx --no-install signet get all')
  print('  npx --no-install signet audit list')
  print('  npx --no-install signet lock --bot trial          # what this shell may be is gone, see below')
  print('  npx --no-install signet unlock --bot trial')
  heading('Waiting for changes and rotations (each SVID is replaced after about 30 s; Ctrl-C ends)')
}

/** Prints new X.509-SVIDs from the open stream, and key rotations from the logs of the two programs. */
async function watchRotations(
  place: TrialPlace,
  programs: readonly TrialChild[],
  signal: AbortSignal,
): Promise<void> {
  using stack = new DisposableStack()
  for (const program of programs) stack.use(program.listen(showProgramEvent))
  const serials = new Map<string, string>()
  while (!signal.aborted) {
    using workload = workloadClient(place)
    try {
      for await (const { svids } of watchX509Svids(workload, signal)) {
        for (const { spiffeId, serial, notAfter } of svids.map(describeX509Svid)) {
          const before = serials.get(spiffeId)
          serials.set(spiffeId, serial)
          if (before !== serial && before !== undefined)
            say(`X.509-SVID ${spiffeId}: serial ${serial}, valid to ${notAfter}`)
        }
      }
    } catch (error) {
      // The identity was withdrawn or the agent is busy. As a workload should, report it and retry.
      if (signal.aborted) return
      if (!(error instanceof RpcError)) throw error
      say(`stream ended: ${error.message}`)
    }
    await wait(1000)
  }
}

const TOLD: Readonly<Record<string, string>> = {
  'renewal.accepted': 'the agent renewed its bot certificate',
  'join.accepted': 'the agent joined',
  'ca.prepared': 'the authority prepared a new signing key',
  'ca.activated': 'the authority signs with a new key',
  'sync.lost': 'the agent lost the authority',
  'sync.restored': 'the agent is in step with the authority again',
}

function showProgramEvent(line: { readonly event?: string }): void {
  const told = TOLD[line.event ?? '']
  if (told !== undefined) say(told)
}

function say(text: string): void {
  printLine(`  ${formatInstant(systemClock.now().getTime())} ${text}`)
}

function workloadClient(place: TrialPlace): RpcCalls {
  return new LocalClient({
    unixPath: place.workloadSocket,
    metadata: { 'workload.spiffe.io': 'true' },
  })
}
