import { purposesWhere } from '../../../authority/keys/purposes.ts'
import { SIGNING_ALGORITHMS } from '../../../crypto/jws-algorithm.ts'
import type { Ca__Output } from '../../../rpc/gen/signet/v1/Ca.ts'
import { type Command, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { printCas } from './list.ts'

type Options = AuthorityOptions & {
  readonly now?: boolean
  readonly algorithm?: string
  readonly json?: boolean
}

export function define(command: Command): void {
  withJson(withAuthority(command))
    .positional('<purpose>', 'which key', {
      choices: purposesWhere(({ isRotatedOnDemand }) => isRotatedOnDemand),
    })
    .flag('--algorithm <name>', 'which of the jwt keys; default: all that sign', {
      choices: SIGNING_ALGORITHMS,
    })
    .flag('--now', 'sign with the new key at once, without waiting until everybody knows it')
    .action(rotate)
    .example('signet ca rotate spiffe_x509', 'signet ca rotate jwt --algorithm RS256 --now')
}

async function rotate(purpose: string, options: Options): Promise<void> {
  using client = connectAuthority(options)
  const request = { purpose, now: options.now === true, algorithm: options.algorithm ?? '' }
  const { cas } = await client.unary<object, { cas: Ca__Output[] }>(
    'signet.v1.AdminService',
    'RotateCa',
    request,
  )
  printCas(cas, options)
}
