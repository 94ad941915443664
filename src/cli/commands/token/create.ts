import type { CreateJoinTokenRequest } from '../../../rpc/gen/signet/v1/CreateJoinTokenRequest.ts'
import type { CreateJoinTokenResponse__Output } from '../../../rpc/gen/signet/v1/CreateJoinTokenResponse.ts'
import { type Command, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { parseDurationFlag } from '../../duration-flag.ts'
import { UsageError } from '../../errors.ts'
import { formatTimestamp } from '../../instant.ts'
import { formatFields, print, printJson, warn } from '../../output.ts'
import { JOIN_SECRET_VARIABLE } from '../agent/flags.ts'
import { whyOnlyHere } from './only-here.ts'

interface Options extends AuthorityOptions {
  readonly bot: string
  readonly ttl: string
  readonly maxUses: string
  readonly name?: string
  readonly json?: boolean
}

export function define(command: Command): void {
  withJson(withAuthority(command))
    .flag('--bot <name>', 'the bot that joins with it', { isRequired: true, names: 'bot' })
    .flag('--ttl <duration>', 'how long it can be used', { default: '1h' })
    .flag('--max-uses <number>', 'how many agents may join with it', { default: '1' })
    .flag('--name <name>', 'its name (default: made from the name of the bot)')
    .action(create)
    .example('signet token create --bot builder --ttl 1h')
}

async function create(options: Options): Promise<void> {
  const maxUses = Number(options.maxUses)
  if (!Number.isInteger(maxUses) || maxUses < 1)
    throw new UsageError('--max-uses: expected a whole number from 1')
  const request: CreateJoinTokenRequest = {
    bot: options.bot,
    name: options.name ?? '',
    ttlSeconds: Math.ceil(parseDurationFlag('--ttl', options.ttl)),
    maxUses,
  }
  using client = connectAuthority(options)
  const made = await client.unary<object, CreateJoinTokenResponse__Output>(
    'signet.v1.AdminService',
    'CreateJoinToken',
    request,
  )
  const expires = formatTimestamp(made.expires)
  const { name, secret, pin, publicAddress, trustDomain } = made
  const run = `${JOIN_SECRET_VARIABLE}=${secret} signet agent run --authority ${publicAddress} --pin ${pin} --token ${name}`
  const why = whyOnlyHere(publicAddress)
  if (why !== undefined) {
    warn(`warning: ${publicAddress} ${why}: for other machines set public_address in authority.yaml`)
  }
  if (options.json) return printJson({ name, secret, expires, pin, publicAddress, trustDomain, run })
  print(
    `${formatFields({
      'join token': name,
      bot: options.bot,
      expires,
      'may be used': maxUses === 1 ? 'once' : `${maxUses} times`,
      'trust domain': trustDomain,
      pin,
    })}

On the machine of the agent (the secret is shown this once):

  ${run}`,
  )
}
