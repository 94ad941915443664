import type { Command } from './command.ts'
import { UsageError } from './errors.ts'

/** What can be locked: the flag that names it, and the field of a lock's target. */
const TARGETS = {
  bot: { field: 'bot', flag: '--bot', value: '<name>', meaning: 'every instance of a bot' },
  botInstance: { field: 'bot_instance', flag: '--bot-instance', value: '<id>', meaning: 'one joined agent' },
  joinToken: {
    field: 'join_token',
    flag: '--join-token',
    value: '<name>',
    meaning: 'a join token, and who joined with it',
  },
  workloadIdentity: {
    field: 'workload_identity',
    flag: '--workload-identity',
    value: '<name>',
    meaning: 'a workload identity',
  },
  spiffeId: { field: 'spiffe_id', flag: '--spiffe-id', value: '<id>', meaning: 'a SPIFFE ID' },
} as const

export type TargetOptions = { readonly [Name in keyof typeof TARGETS]?: string }

export function withTarget(command: Command): Command {
  for (const { flag, value, meaning } of Object.values(TARGETS)) command.flag(`${flag} ${value}`, meaning)
  return command
}

export function hasTarget(options: TargetOptions): boolean {
  return Object.keys(TARGETS).some((option) => options[option as keyof TargetOptions] !== undefined)
}

/** What the flags name: exactly one thing. */
export function parseTarget(options: TargetOptions): { readonly field: string; readonly value: string } {
  const given = Object.entries(TARGETS).flatMap(([option, { field }]) => {
    const value = options[option as keyof TargetOptions]
    return value === undefined ? [] : [{ field, value }]
  })
  const [target, second] = given
  if (target === undefined || second !== undefined) {
    const flags = Object.values(TARGETS).map(({ flag }) => flag)
    throw new UsageError(`give exactly one of ${flags.join(', ')}`)
  }
  return target
}
