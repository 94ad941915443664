import type { CommandLine } from './command.ts'
import { UsageError } from './errors.ts'

export interface TargetOptions {
  readonly bot?: string
  readonly botInstance?: string
  readonly joinToken?: string
  readonly workloadIdentity?: string
  readonly spiffeId?: string
}

const FIELDS = {
  bot: 'bot',
  botInstance: 'bot_instance',
  joinToken: 'join_token',
  workloadIdentity: 'workload_identity',
  spiffeId: 'spiffe_id',
} as const satisfies Record<keyof TargetOptions, string>

export function withTarget(command: CommandLine): CommandLine {
  return command
    .option('--bot <name>', 'every instance of a bot')
    .option('--bot-instance <id>', 'one joined agent')
    .option('--join-token <name>', 'a join token, and who joined with it')
    .option('--workload-identity <name>', 'a workload identity')
    .option('--spiffe-id <id>', 'a SPIFFE ID')
}

export function hasTarget(options: TargetOptions): boolean {
  return Object.keys(FIELDS).some((option) => options[option as keyof TargetOptions] !== undefined)
}

/** What the flags name: exactly one thing. */
export function parseTarget(options: TargetOptions): { readonly field: string; readonly value: string } {
  const given = Object.entries(FIELDS).flatMap(([option, field]) => {
    const value = options[option as keyof TargetOptions]
    return value === undefined ? [] : [{ field, value }]
  })
  const [target, second] = given
  if (target === undefined || second !== undefined) {
    throw new UsageError(
      'give exactly one of --bot, --bot-instance, --join-token, --workload-identity, --spiffe-id',
    )
  }
  return target
}
