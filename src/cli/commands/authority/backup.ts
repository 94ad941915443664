import path from 'node:path'
import type { BackupResponse__Output } from '../../../rpc/gen/signet/v1/BackupResponse.ts'
import { type Command, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { print, printJson } from '../../output.ts'

interface Options extends AuthorityOptions {
  readonly to: string
  readonly json?: boolean
}

/** Long, because the authority copies and checks the whole database. */
const DEADLINE_MS = 3_600_000

export function define(command: Command): void {
  withJson(withAuthority(command))
    .flag('--to <directory>', 'a new directory, which the authority creates and writes', { isRequired: true })
    .note('The authority goes on working. The backup does not hold the key-encryption key.')
    .action(backup)
    .example('signet authority backup --to /var/lib/signet/backup-1')
}

async function backup(options: Options): Promise<void> {
  using client = connectAuthority(options)
  const directory = path.resolve(options.to)
  const done = await client.unary<object, BackupResponse__Output>(
    'signet.v1.AdminService',
    'Backup',
    { directory },
    { deadlineMs: DEADLINE_MS },
  )
  const { keySource } = done
  const [bytes, lastEvent] = [Number(done.bytes), Number(done.lastEvent)]
  if (options.json) return printJson({ directory, bytes, lastEvent, keySource })
  print(
    `the backup is in ${directory}: ${(bytes / 1_048_576).toFixed(1)} MiB, up to event ${lastEvent}
keep the key-encryption key of ${keySource} too, somewhere else: without it the backup opens for nobody`,
  )
}
