import { type CommandLine, withExample } from '../../command.ts'
import { type Flag, withFlags } from '../../shared-flags.ts'

export interface Options {
  readonly config?: string
  readonly check?: boolean
  readonly acceptAlteredDatabase?: boolean
  readonly untilStdinEnds?: boolean
}

const FLAGS: readonly Flag[] = [
  {
    flags: '-c, --config <file>',
    description: 'authority.yaml (default: the one in /etc/signet or ~/.config/signet)',
  },
  { flags: '--check', description: 'check the configuration and end' },
  {
    flags: '--accept-altered-database',
    description: 'go on, this once, with a database that was restored or that somebody else has written',
  },
  { flags: '--until-stdin-ends' },
]

export function define(command: CommandLine): void {
  withExample(withFlags(command, FLAGS).action(run), 'signet authority run --config authority.yaml')
}

async function run(options: Options): Promise<void> {
  const { start } = await import('../../authority-daemon.ts')
  await start(options)
}
