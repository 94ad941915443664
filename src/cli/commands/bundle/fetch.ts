import { exportSpki } from '../../../crypto/keys.ts'
import { splitDer } from '../../../crypto/x509.ts'
import type { GetBundleResponse__Output } from '../../../rpc/gen/signet/v1/GetBundleResponse.ts'
import { Bundle } from '../../../spiffe/bundle.ts'
import { encodeCertificates } from '../../../spiffe/svid-files.ts'
import type { Command } from '../../command.ts'
import {
  type AuthorityOptions,
  connectAuthority,
  connectWorkloadApi,
  type WorkloadOptions,
  withAuthority,
  withWorkloadApi,
} from '../../connections.ts'
import { UsageError } from '../../errors.ts'
import { print, printJsonText } from '../../output.ts'
import { fetchJwtBundles, fetchX509Bundles } from '../../workload-api.ts'

interface Options extends AuthorityOptions, WorkloadOptions {
  readonly authority?: boolean
  readonly format: 'spiffe' | 'pem' | 'jwks'
  readonly trustDomain?: string
  readonly json?: boolean
}

export function define(command: Command): void {
  withAuthority(withWorkloadApi(command))
    .flag('--format <format>', 'SPIFFE bundle, PEM, or JWKS with the JWT keys alone', {
      choices: ['spiffe', 'pem', 'jwks'],
      default: 'spiffe',
    })
    .flag('--authority', 'ask the authority at its admin socket, not the Workload API')
    .flag('--trust-domain <name>', 'which one, when the Workload API knows several')
    .flag('--json', 'the same as --format spiffe')
    .action(fetchBundle)
    .example('signet bundle fetch --format pem > bundle.pem', 'signet bundle fetch --authority')
}

async function fetchBundle(options: Options): Promise<void> {
  const bundle = options.authority ? await fromAuthority(options) : await fromWorkloadApi(options)
  const format = options.json ? 'spiffe' : options.format
  if (format === 'pem') print(encodeCertificates(bundle.x509Der()))
  else printJsonText((format === 'jwks' ? bundle.formatJwks() : bundle.format()).toString('utf8'))
}

async function fromAuthority(options: Options): Promise<Bundle> {
  using client = connectAuthority(options)
  const { trustDomain, spiffeBundle } = await client.unary<object, GetBundleResponse__Output>(
    'signet.v1.AdminService',
    'GetBundle',
    {},
  )
  return Bundle.parse(trustDomain, Buffer.from(spiffeBundle))
}

async function fromWorkloadApi(options: Options): Promise<Bundle> {
  using client = connectWorkloadApi(options)
  const [x509, jwt] = await Promise.all([fetchX509Bundles(client), fetchJwtBundles(client)])
  const id = choose(Object.keys(x509.bundles), options.trustDomain)
  const trustDomain = id.slice('spiffe://'.length)
  const jwks = jwt.bundles[id]
  const keys = jwks === undefined ? [] : readJwks(trustDomain, Buffer.from(jwks))
  return Bundle.of({
    trustDomain,
    x509Authorities: splitDer(Buffer.from(x509.bundles[id] ?? [])),
    jwtAuthorities: keys,
  })
}

/**
 * Parses a JWKS of the Workload API. It has only JWT keys and need not state their use; in a SPIFFE
 * bundle each key must.
 */
function readJwks(trustDomain: string, jwks: Buffer): { kid: string; publicKeyDer: Buffer }[] {
  const { keys } = JSON.parse(jwks.toString('utf8')) as { keys: object[] }
  const stated = JSON.stringify({ keys: keys.map((key) => ({ ...key, use: 'jwt-svid' })) })
  return [...Bundle.parse(trustDomain, stated).jwtAuthorities].map(([kid, key]) => ({
    kid,
    publicKeyDer: exportSpki(key),
  }))
}

/** Chooses a bundle. The Workload API names bundles by trust domain ID; some servers leave out the scheme. */
function choose(ids: readonly string[], wanted: string | undefined): string {
  const [only, another] = ids
  if (wanted !== undefined) {
    const found = ids.find((id) => id === wanted || id === `spiffe://${wanted}`)
    if (found !== undefined) return found
    throw new UsageError(`there is no bundle of ${wanted}, only of ${ids.join(', ')}`)
  }
  if (only !== undefined && another === undefined) return only
  throw new UsageError(`there are several bundles: choose with --trust-domain one of ${ids.join(', ')}`)
}
