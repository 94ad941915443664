import { type CommandLine, withExample } from '../../command.ts'
import { type Flag, withFlags } from '../../shared-flags.ts'
import type { AgentFlags } from './flags.ts'

export interface Options extends AgentFlags {
  readonly config?: string
  readonly check?: boolean
  readonly untilStdinEnds?: boolean
}

const FLAGS: readonly Flag[] = [
  {
    flags: '-c, --config <file>',
    description: 'agent.yaml (default: the one in /etc/signet or ~/.config/signet)',
  },
  { flags: '--authority <host:port>', description: 'where the authority listens; instead of a file' },
  { flags: '--pin <pin>', description: "sha256:… of the authority's root" },
  { flags: '--token <name>', description: 'name of the join token' },
  {
    flags: '--secret-path <file>',
    description: 'file with its secret (default: the variable SIGNET_JOIN_SECRET)',
  },
  { flags: '--data-dir <dir>', description: 'where the agent keeps its state' },
  { flags: '--state-key <file>', description: 'the key that seals this state, outside of it' },
  { flags: '--socket <path>', description: 'where the Workload API is served' },
  { flags: '--agent-admin-socket <path>', description: 'where the admin socket is' },
  { flags: '--metrics <host:port>', description: 'where /livez, /readyz and /metrics are served' },
  { flags: '--log-level <level>', description: 'trace, debug, info, warn or error' },
  {
    flags: '--name <name>',
    description: 'tells several agents on one host apart: other default places for each',
  },
  { flags: '--check', description: 'check the configuration and end' },
  { flags: '--until-stdin-ends' },
]

export function define(command: CommandLine): void {
  withExample(
    withFlags(command, FLAGS).action(run),
    'signet agent run --config agent.yaml',
    'SIGNET_JOIN_SECRET=… signet agent run --authority authority.example.org:7443 --pin sha256:… --token builder-first',
  )
}

async function run(options: Options): Promise<void> {
  const { start } = await import('../../agent-daemon.ts')
  await start(options)
}
