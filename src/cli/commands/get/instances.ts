import type { BotInstance__Output } from '../../../rpc/gen/signet/v1/BotInstance.ts'
import { formatTimestamp } from '../../instant.ts'
import { formatTable } from '../../output.ts'

/** Joined agents, for people and for programs. */

export function describeInstance(instance: BotInstance__Output) {
  return {
    ...instance,
    generation: Number(instance.generation),
    joined: formatTimestamp(instance.joined),
    renewed: formatTimestamp(instance.renewed),
    notAfter: formatTimestamp(instance.notAfter),
  }
}

export function formatInstances(instances: readonly BotInstance__Output[]): string {
  return formatTable(
    ['ID', 'BOT', 'HOST', 'GENERATION', 'JOINED', 'EXPIRES', 'CONNECTED'],
    instances
      .map(describeInstance)
      .map((i) => [
        i.id,
        i.bot,
        i.hostname,
        String(i.generation),
        i.joined ?? '',
        i.notAfter ?? '',
        i.connected ? 'yes' : 'no',
      ]),
  )
}
