import type { Command } from '../../command.ts'
import { type Options, withFlags } from './flags.ts'

export function define(command: Command): void {
  withFlags(command)
    .action(run)
    .example(
      'signet agent run --config agent.yaml',
      'SIGNET_JOIN_SECRET=… signet agent run --authority authority.example.org:7443 --pin sha256:… --token builder-first',
    )
}

async function run(options: Options): Promise<void> {
  const { start } = await import('../../agent-daemon.ts')
  await start(options)
}
