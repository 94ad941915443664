import { resourceName } from '../../../config/fields.ts'
import type { RpcCalls } from '../../../rpc/calls.ts'
import { Bundle } from '../../../spiffe/bundle.ts'
import { TrustDomain } from '../../../spiffe/trust-domain.ts'
import { type Command, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { AlreadyThereError, UsageError } from '../../errors.ts'
import { list } from '../../lists.ts'
import { readBundleFile } from '../../resource-input.ts'
import { fromCommandLine, report, sendResources } from '../apply.ts'

interface Options extends AuthorityOptions {
  readonly file: string
  readonly name?: string
  readonly dryRun?: boolean
  readonly json?: boolean
}

/** The parts of an existing federation that are kept. */
interface Federation {
  readonly metadata: { readonly name: string; readonly labels?: object; readonly revision?: string }
  readonly spec: { readonly trust_domain: string }
}

export function define(command: Command): void {
  withJson(withAuthority(command))
    .positional('<trust-domain>', 'a foreign one, such as partner.example')
    .flag('-f, --file <file>', 'its SPIFFE bundle as JSON; - is standard input', { isRequired: true })
    .flag('--name <name>', 'of the federation that is created; default: the trust domain')
    .flag('--dry-run', 'check and compare only')
    .note(
      'Creates or changes the federation of the trust domain. Workloads get its bundle with each workload identity ' +
        'that names the trust domain in federates_with; signet delete federation takes it away.',
    )
    .action(set)
    .example(
      'signet bundle set partner.example --file bundle.json',
      'curl -s https://partner.example/bundle.json | signet bundle set partner.example --file -',
    )
}

async function set(trustDomain: string, options: Options): Promise<void> {
  const { name: domain } = TrustDomain.parse(trustDomain)
  const bundle = await readBundleFile(options.file)
  Bundle.parse(domain, bundle) // the authority checks it, too, but with a less helpful message
  using client = connectAuthority(options)
  const { metadata, spec } = await federationOf(client, domain, options.name)
  const resource = { kind: 'federation', version: 'v1', metadata, spec: { ...spec, bundle } }
  const dryRun = options.dryRun === true
  report(await sendResources(client, { ...fromCommandLine(resource), dryRun }), options)
}

/** Returns the existing federation of a trust domain, or a new one. */
async function federationOf(client: RpcCalls, domain: string, wanted?: string): Promise<Federation> {
  const all = (await list(client, 'federation')).map(({ json }) => JSON.parse(json) as Federation)
  const known = all.find(({ spec }) => spec.trust_domain === domain)
  if (known !== undefined) {
    if (wanted === undefined || wanted === known.metadata.name) return known
    throw new AlreadyThereError(`the federation of ${domain} is ${known.metadata.name}: leave out --name`)
  }
  const name = wanted ?? domain
  const other = all.find(({ metadata }) => metadata.name === name)
  if (other !== undefined) {
    throw new AlreadyThereError(
      `the federation ${name} is that of ${other.spec.trust_domain}: choose another name with --name`,
    )
  }
  if (!resourceName.safeParse(name).success) {
    throw new UsageError(
      `${name} cannot be the name of a resource: choose one with --name, of 1 to 63 letters, digits, dots, dashes and underscores`,
    )
  }
  return { metadata: { name }, spec: { trust_domain: domain } }
}
