import { createHash } from 'node:crypto'
import { systemClock } from '../../foundation/clock.ts'
import { type Command, withJson } from '../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../connections.ts'
import { parseDurationFlag } from '../duration-flag.ts'
import { formatInstant } from '../instant.ts'
import { parseTarget, type TargetOptions, withTarget } from '../lock-target.ts'
import { warn } from '../output.ts'
import { report, sendResources } from './apply.ts'
import { listInstances } from './get.ts'

interface Options extends AuthorityOptions, TargetOptions {
  readonly name?: string
  readonly reason?: string
  readonly ttl?: string
  readonly json?: boolean
}

export function define(command: Command): void {
  withTarget(withJson(withAuthority(command)))
    .flag('--reason <text>', 'for other operators; callers never see it')
    .flag('--ttl <duration>', 'how long (default: until it is lifted)')
    .flag('--name <name>', 'of the lock (default: made from the target)')
    .action(lock)
    .example('signet lock --bot-instance 01J… --reason "lost laptop"')
}

async function lock(options: Options): Promise<void> {
  const { field, value } = parseTarget(options)
  const expires =
    options.ttl === undefined
      ? {}
      : {
          expires: formatInstant(
            systemClock.now().getTime() + parseDurationFlag('--ttl', options.ttl) * 1000,
          ),
        }
  const resource = {
    kind: 'lock',
    version: 'v1',
    metadata: { name: options.name ?? defaultName(field, value), ...expires },
    spec: { target: { [field]: value }, ...(options.reason === undefined ? {} : { reason: options.reason }) },
  }
  using client = connectAuthority(options)
  report(await sendResources(client, { text: JSON.stringify(resource), fileName: '(command line)' }), options)
  if (field === 'bot_instance' && !(await listInstances(client)).some(({ id }) => id === value)) {
    warn(`warning: there is no bot instance ${value} now: signet get bot_instance lists them`)
  }
}

/** The same target gives the same name, so locking it twice gives a single lock. */
function defaultName(field: string, value: string): string {
  const name = `${field}-${value}`.replaceAll(/[^A-Za-z0-9._-]+/g, '-')
  if (name.length <= 63 && field !== 'spiffe_id') return name
  return `${name.slice(0, 50)}-${createHash('sha256').update(value).digest('hex').slice(0, 12)}`
}
