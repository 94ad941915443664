import { RpcError } from '../../../rpc/status.ts'
import { parseJwtSvid } from '../../../spiffe/jwt-svid.ts'
import { type Command, withJson } from '../../command.ts'
import { connectWorkloadApi, type WorkloadOptions, withWorkloadApi } from '../../connections.ts'
import { ExitCode } from '../../exit-codes.ts'
import { readInput } from '../../input.ts'
import { formatSeconds } from '../../instant.ts'
import { formatFields, print, printJson, printLine } from '../../output.ts'
import { validateJwtSvid } from '../../workload-api.ts'

interface Options extends WorkloadOptions {
  readonly audience: string
  readonly json?: boolean
}

export function define(command: Command): void {
  withJson(withWorkloadApi(command))
    .positional('<file>', 'a JWT-SVID; - is standard input')
    .flag('--audience <audience>', 'what the token must be for: your own name', { isRequired: true })
    .note(
      'The agent decides, with the bundles that this process may have. Ends with 0 when it is valid, 1 when not.',
    )
    .action(validate)
    .example('signet svid validate token.jwt --audience my-service')
}

async function validate(file: string, options: Options): Promise<void> {
  const token = (await readInput(file)).text.trim()
  using client = connectWorkloadApi(options)
  try {
    await validateJwtSvid(client, { svid: token, audience: options.audience })
  } catch (error) {
    if (!(error instanceof RpcError) || error.kind !== 'invalid_argument') throw error
    process.exitCode = ExitCode.NO
    if (options.json) printJson({ valid: false, reason: error.message })
    else printLine(`not valid: ${error.message}`)
    return
  }
  const { spiffeId, expiresAt, claims } = parseJwtSvid(token)
  const expires = formatSeconds(expiresAt)
  if (options.json) printJson({ valid: true, spiffeId: String(spiffeId), expires, claims })
  else
    print(
      formatFields({ valid: 'yes', 'SPIFFE ID': String(spiffeId), expires, claims: JSON.stringify(claims) }),
    )
}
