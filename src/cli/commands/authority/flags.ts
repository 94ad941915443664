import type { Command } from '../../command.ts'

export interface Options {
  readonly config?: string
  readonly check?: boolean
  readonly acceptAlteredDatabase?: boolean
  readonly untilStdinEnds?: boolean
}

export function withFlags(command: Command): Command {
  return command
    .flag('-c, --config <file>', 'authority.yaml (default: the one in /etc/signet or ~/.config/signet)')
    .flag('--check', 'check the configuration and end')
    .flag('--accept-altered-database', 'start once with a database that was restored or changed from outside')
    .flag('--until-stdin-ends', '', { isHidden: true })
}
