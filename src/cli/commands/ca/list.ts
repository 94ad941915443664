import type { Ca__Output } from '../../../rpc/gen/signet/v1/Ca.ts'
import { type Command, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { formatTimestamp } from '../../instant.ts'
import { formatTable, print, printJson } from '../../output.ts'

type Options = AuthorityOptions & { readonly json?: boolean }

export function define(command: Command): void {
  withJson(withAuthority(command)).action(listCas).example('signet ca list')
}

async function listCas(options: Options): Promise<void> {
  using client = connectAuthority(options)
  const { cas } = await client.unary<object, { cas: Ca__Output[] }>('signet.v1.AdminService', 'ListCas', {})
  printCas(cas, options)
}

export function printCas(cas: readonly Ca__Output[], options: { readonly json?: boolean }): void {
  const described = cas.map((ca) => ({
    ...ca,
    notBefore: formatTimestamp(ca.notBefore),
    notAfter: formatTimestamp(ca.notAfter),
    created: formatTimestamp(ca.created),
    nextChange: formatTimestamp(ca.nextChange),
  }))
  if (options.json) {
    printJson(described)
    return
  }
  print(
    formatTable(
      ['PURPOSE', 'ALGORITHM', 'STATE', 'KEY ID', 'EXPIRES', 'NEXT CHANGE'],
      described.map((ca) => [
        ca.purpose,
        ca.algorithm,
        ca.state,
        ca.keyId,
        ca.notAfter ?? '',
        ca.nextChange ?? '',
      ]),
    ),
  )
}
