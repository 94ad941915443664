import { loadKey } from '../../../config/secret-source.ts'
import type { RekeyResponse__Output } from '../../../rpc/gen/signet/v1/RekeyResponse.ts'
import { type Command, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { print, printJson, warn } from '../../output.ts'

type Options = AuthorityOptions & { readonly json?: boolean; readonly newKey?: string }

/** Long, because the authority seals every row again. */
const DEADLINE_MS = 120_000

export function define(command: Command): void {
  withJson(withAuthority(command))
    .flag(
      '--new-key <file>',
      'the key to change to: 32 bytes, in hex or base64, mode 0600; default: a random one',
    )
    .action(rekey)
    .example('signet authority rekey', 'signet authority rekey --new-key new.key')
}

async function rekey(options: Options): Promise<void> {
  const key =
    options.newKey === undefined ? Buffer.alloc(0) : await loadKey({ path: options.newKey }, process.env)
  using client = connectAuthority(options)
  const { source, inPlace } = await client.unary<object, RekeyResponse__Output>(
    'signet.v1.AdminService',
    'Rekey',
    { key },
    { deadlineMs: DEADLINE_MS },
  )
  if (options.json) return printJson({ source, inPlace })
  if (inPlace)
    print(`the key-encryption key in ${source} is a new one; the old one opens only older copies of the data`)
  else
    warn(
      `the key-encryption key is changed: put the content of ${options.newKey} into ${source} before the authority is started again; the old key does not open its data any more`,
    )
}
