import path from 'node:path'
import { systemClock } from '../../../foundation/clock.ts'
import { formatInstant } from '../../../foundation/instant.ts'
import { type Command, withJson } from '../../command.ts'
import { defaultAuthorityConfig } from '../../default-authority-config.ts'
import { readInput } from '../../input.ts'
import { print, printJson } from '../../output.ts'

interface Options {
  readonly from: string
  readonly config?: string
  readonly check?: boolean
  readonly replace?: boolean
  readonly json?: boolean
}

export function define(command: Command): void {
  withJson(command)
    .flag('--from <directory>', 'the backup', { isRequired: true })
    .flag('-c, --config <file>', 'authority.yaml (default: the one in /etc/signet or ~/.config/signet)')
    .flag('--check', 'check that the backup can be restored, and end')
    .flag('--replace', 'put the database that is there aside first')
    .note('Stop the authority first, and run this as the user that it runs as.')
    .action(restore)
    .example(
      'signet authority restore --from /var/lib/signet/backup-1 --check',
      'signet authority restore --from /var/lib/signet/backup-1 --replace',
    )
}

async function restore(options: Options): Promise<void> {
  const { text, fileName } = await readInput(options.config ?? defaultAuthorityConfig())
  const { parseAuthorityConfig } = await import('../../../config/authority-config.ts')
  const { checkBackup, restoreBackup } = await import('../../../authority/backup/restore.ts')
  const config = parseAuthorityConfig(text, fileName)
  const directory = path.resolve(options.from)
  const manifest = await checkBackup(directory, config, process.env)
  const { trustDomain, timeMs, lastSequence: lastEvent } = manifest
  const madeAt = formatInstant(timeMs)
  if (options.check) {
    if (options.json) return printJson({ directory, trustDomain, madeAt, lastEvent })
    return print(`the backup of ${trustDomain} from ${madeAt}, up to event ${lastEvent}, can be restored`)
  }
  const actor = `uid:${process.getuid?.() ?? 0}` as const
  const settings = { directory, replace: options.replace === true }
  const aside = await restoreBackup(manifest, settings, config.data_dir, actor, systemClock)
  if (options.json) return printJson({ directory, trustDomain, madeAt, lastEvent, aside })
  const former = aside === undefined ? '' : `what was there before is in ${aside}\n`
  print(
    `${config.data_dir} is as it was at ${madeAt}, up to event ${lastEvent}; start the authority
${former}locks, roles and identities are as old as the backup: look at them before agents connect
agents that joined or renewed since keep their SVIDs until these expire, and must join again`,
  )
}
