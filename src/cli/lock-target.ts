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

export type TargetOptions = { readonly [Name in keyof typeof TARGETS]?: readonly string[] }

export interface LockTarget {
  readonly field: string
  readonly value: string
}

export function withTarget(command: Command): Command {
  for (const { field, flag, value, meaning } of Object.values(TARGETS))
    command.flag(`${flag} ${value}`, meaning, { isList: true, names: field })
  return command
}

export function hasTarget(options: TargetOptions): boolean {
  return targetsOf(options).length > 0
}

/**
 * What the flags name: one thing, or several of one kind. Several kinds are refused, because they could
 * also mean "a bot with this SPIFFE ID".
 */
export function parseTargets(options: TargetOptions): readonly LockTarget[] {
  const targets = targetsOf(options)
  if (new Set(targets.map(({ field }) => field)).size !== 1) {
    const flags = Object.values(TARGETS).map(({ flag }) => flag)
    throw new UsageError(`give exactly one of ${flags.join(', ')}; the same one may be repeated`)
  }
  return targets
}

function targetsOf(options: TargetOptions): LockTarget[] {
  return Object.entries(TARGETS).flatMap(([option, { field }]) =>
    [...new Set(options[option as keyof TargetOptions])].map((value) => ({ field, value })),
  )
}
