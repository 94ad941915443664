import { createHash } from 'node:crypto'
import { systemClock } from '../../foundation/clock.ts'
import { formatInstant } from '../../foundation/instant.ts'
import type { RpcCalls } from '../../rpc/calls.ts'
import type { GetStatusResponse__Output } from '../../rpc/gen/signet/v1/GetStatusResponse.ts'
import { type Command, withJson } from '../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../connections.ts'
import { parseDurationFlag } from '../duration-flag.ts'
import { NothingThereError, UsageError } from '../errors.ts'
import { type LockTarget, parseTargets, type TargetOptions, withTarget } from '../lock-target.ts'
import { missingTargets } from '../missing-targets.ts'
import { fromCommandLine, report, sendResources } from './apply.ts'

interface Options extends AuthorityOptions, TargetOptions {
  readonly name?: string
  readonly reason?: string
  readonly ttl?: string
  readonly force?: boolean
  readonly json?: boolean
}

export function define(command: Command): void {
  withTarget(withJson(withAuthority(command)))
    .flag('--reason <text>', 'for other operators; callers never see it')
    .flag('--ttl <duration>', 'how long (default: until it is lifted)')
    .flag('--name <name>', 'of the lock (default: made from the target)')
    .flag('--force', 'also what does not exist now')
    .action(lock)
    .example('signet lock --bot-instance 01J… --reason "lost laptop"', 'signet lock --bot ci --bot builder')
}

async function lock(options: Options): Promise<void> {
  const targets = parseTargets(options)
  const { name, reason, ttl } = options
  if (name !== undefined && targets.length > 1) {
    throw new UsageError(`--name: ${targets.length} locks cannot have one name: leave it out`)
  }
  const metadata = ttl === undefined ? {} : { expires: instantAfter(parseDurationFlag('--ttl', ttl)) }
  const resources = targets.map(({ field, value }) => ({
    kind: 'lock',
    version: 'v1',
    metadata: { name: name ?? defaultName(field, value), ...metadata },
    spec: { target: { [field]: value }, ...(reason === undefined ? {} : { reason }) },
  }))
  using client = connectAuthority(options)
  if (!options.force) await checkTargets(client, targets)
  report(await sendResources(client, fromCommandLine(...resources)), options)
}

function instantAfter(seconds: number): string {
  return formatInstant(systemClock.now().getTime() + seconds * 1000)
}

/** A mistyped target would lock nothing, and look as if it did. @throws NothingThereError */
async function checkTargets(client: RpcCalls, targets: readonly LockTarget[]): Promise<void> {
  const field = targets[0]?.field ?? ''
  if (field === 'spiffe_id') return await checkTrustDomain(client, targets)
  const missing = await missingTargets(client, targets)
  if (missing.length === 0) return
  throw new NothingThereError(
    `there is no ${field} ${missing.join(', ')}: nothing was locked ` +
      `(signet get ${field} lists them; --force locks also what does not exist)`,
  )
}

/** Which SPIFFE IDs there are is known only when they are asked for, but they are all of one trust domain. */
async function checkTrustDomain(client: RpcCalls, targets: readonly LockTarget[]): Promise<void> {
  const { trustDomain } = await client.unary<object, GetStatusResponse__Output>(
    'signet.v1.AdminService',
    'GetStatus',
    {},
  )
  const foreign = targets.find(({ value }) => !value.startsWith(`spiffe://${trustDomain}/`))
  if (foreign === undefined) return
  throw new NothingThereError(
    `${foreign.value} is not a SPIFFE ID of this authority (spiffe://${trustDomain}/…): nothing was locked ` +
      '(--force locks it all the same)',
  )
}

/** The same target gives the same name, so locking it twice gives a single lock. */
function defaultName(field: string, value: string): string {
  const name = `${field}-${value}`.replaceAll(/[^A-Za-z0-9._-]+/g, '-')
  if (name.length <= 63 && field !== 'spiffe_id') return name
  return `${name.slice(0, 50)}-${createHash('sha256').update(value).digest('hex').slice(0, 12)}`
}
