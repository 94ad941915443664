import type { NamedFile } from '../../../foundation/file-set.ts'
import type { JWTSVIDResponse__Output } from '../../../rpc/gen/JWTSVIDResponse.ts'
import type { X509SVID__Output } from '../../../rpc/gen/X509SVID.ts'
import { type Command, withJson } from '../../command.ts'
import { connectWorkloadApi, type WorkloadOptions, withWorkloadApi } from '../../connections.ts'
import { describeJwtSvid, describeX509Svid, formatJwtSvid, formatX509Svid } from '../../describe-svid.ts'
import { NothingThereError, UsageError } from '../../errors.ts'
import { formatJson, print, printJson, printJsonText } from '../../output.ts'
import { fetchJwtSvids, fetchX509Svids } from '../../workload-api.ts'

interface Options extends WorkloadOptions {
  readonly audience: readonly string[]
  readonly spiffeId?: string
  readonly watch?: boolean
  readonly write?: string
  readonly json?: boolean
}

export function define(command: Command): void {
  withJson(withWorkloadApi(command))
    .positional('<type>', '', { choices: ['x509', 'jwt'] })
    .flag('--audience <audience>', 'whom the JWT-SVID is for', { isList: true })
    .flag('--spiffe-id <id>', 'only this one of several')
    .flag('--watch', 'stay, and deliver each new X.509-SVID; goes on through outages and withdrawals')
    .flag(
      '--write <dir>',
      'write svid.pem, svid.key (0600) and bundle.pem, or svid.jwt (0600); the first SVID, unless --spiffe-id says which',
    )
    .action((type: string, options: Options) => (type === 'jwt' ? fetchJwt(options) : fetchX509(options)))
    .example('signet svid fetch x509 --write /run/my-service', 'signet svid fetch jwt --audience my-service')
}

async function fetchX509(options: Options): Promise<void> {
  if (options.audience.length > 0) throw new UsageError('--audience is for JWT-SVIDs: signet svid fetch jwt')
  using client = connectWorkloadApi(options)
  if (!options.watch) return deliverX509((await fetchX509Svids(client)).svids, options)
  const { deliverEach } = await import('./watch.ts')
  await deliverEach(client, (svids) => deliverX509(svids, options))
}

async function deliverX509(all: readonly X509SVID__Output[], options: Options): Promise<void> {
  const svids = chosen(all, options)
  const described = svids.map(describeX509Svid)
  const [first] = svids
  if (options.write !== undefined && first !== undefined) {
    const { x509SvidFiles } = await import('../../../spiffe/svid-files.ts')
    await write(options.write, x509SvidFiles(first))
  }
  if (options.json) {
    if (options.watch) printJsonText(formatJson(described, 0))
    else printJson(described)
    return
  }
  print(described.map(formatX509Svid).join('\n\n'))
  if (options.watch) print('')
}

async function fetchJwt(options: Options): Promise<void> {
  if (options.audience.length === 0) throw new UsageError('a JWT-SVID needs --audience')
  if (options.watch) throw new UsageError('--watch is for X.509-SVIDs')
  using client = connectWorkloadApi(options)
  const request = {
    audience: options.audience,
    ...(options.spiffeId === undefined ? {} : { spiffeId: options.spiffeId }),
  }
  const { svids }: JWTSVIDResponse__Output = await fetchJwtSvids(client, request)
  const described = chosen(svids, options).map(describeJwtSvid)
  const [first] = described
  if (options.write !== undefined && first !== undefined) {
    const { jwtSvidFiles } = await import('../../../spiffe/svid-files.ts')
    await write(options.write, jwtSvidFiles(first.token))
  }
  if (options.json) printJson(described)
  else print(described.map(formatJwtSvid).join('\n\n'))
}

async function write(directory: string, files: readonly NamedFile[]): Promise<void> {
  const { writeFileSet } = await import('../../../foundation/file-set.ts')
  await writeFileSet(directory, files)
}

function chosen<T extends { spiffeId: string }>(all: readonly T[], { spiffeId }: Options): readonly T[] {
  const found = spiffeId === undefined ? all : all.filter((svid) => svid.spiffeId === spiffeId)
  if (found.length === 0) throw new NothingThereError(`there is no SVID for ${spiffeId ?? 'this process'}`)
  return found
}
