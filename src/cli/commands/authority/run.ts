import type { Command } from '../../command.ts'
import { type Options, withFlags } from './flags.ts'

export function define(command: Command): void {
  withFlags(command).action(run).example('signet authority run --config authority.yaml')
}

async function run(options: Options): Promise<void> {
  const { start } = await import('../../authority-daemon.ts')
  await start(options)
}
