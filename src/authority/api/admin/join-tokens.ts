import { formatResource } from '../../../config/resources.ts'
import type { Clock } from '../../../foundation/clock.ts'
import { CodedError } from '../../../foundation/errors.ts'
import type { Random } from '../../../foundation/random.ts'
import type { CreateJoinTokenRequest__Output } from '../../../rpc/gen/signet/v1/CreateJoinTokenRequest.ts'
import type { CreateJoinTokenResponse } from '../../../rpc/gen/signet/v1/CreateJoinTokenResponse.ts'
import type { Handlers } from '../../../rpc/handlers.ts'
import { toTimestamp } from '../../../rpc/timestamp.ts'
import type { Caller } from '../../caller.ts'
import { principalOf } from '../../principal.ts'
import type { ResourceStore } from '../../resources/resource-store.ts'

/** The requested join token is not possible. */
class JoinTokenInvalidError extends CodedError {
  override readonly name = 'JoinTokenInvalidError'
  readonly code = 'ERR_JOIN_TOKEN_INVALID'
  readonly kind = 'invalid_argument'
}

interface JoinTokenApiDeps {
  readonly store: ResourceStore
  readonly pin: () => string
  readonly publicAddress: string
  readonly trustDomain: string
  readonly clock: Clock
  readonly random: Random
}

/** A secret must not stay usable for longer than this. */
const MAX_TTL_SECONDS = 365 * 24 * 3600
const MAX_NAME_LENGTH = 63
/** The file name for the generated resource. parseResources puts it before each problem. */
const GENERATED = 'join_token'

/** AdminService: creates a join token in one step, and returns everything that the other machine needs. */
export function joinTokenHandlers(
  deps: JoinTokenApiDeps,
): Pick<Handlers<Caller, 'signet.v1.AdminService'>, 'CreateJoinToken'> {
  return {
    CreateJoinToken: {
      unary: async (
        caller: Caller,
        request: CreateJoinTokenRequest__Output,
      ): Promise<CreateJoinTokenResponse> => {
        const { bot } = request
        const principal = principalOf(caller)
        deps.store.get(principal, 'bot', bot)
        const ttlSeconds = Number(request.ttlSeconds)
        if (!(ttlSeconds > 0 && ttlSeconds <= MAX_TTL_SECONDS)) {
          throw new JoinTokenInvalidError('ttl must be between 1s and 365d')
        }
        const suffix = deps.random.bytes(4).toString('hex')
        const name = request.name || `${bot.slice(0, MAX_NAME_LENGTH - 1 - suffix.length)}-${suffix}`
        const expiresMs = deps.clock.now().getTime() + ttlSeconds * 1000
        const text = formatResource(
          'join_token',
          name,
          { expires: new Date(expiresMs).toISOString() },
          { bot, method: 'secret', max_uses: request.maxUses || 1 },
        )
        const { secrets } = await deps.store.apply({
          files: [{ text, name: GENERATED }],
          principal,
          createOnly: true,
        })
        return {
          name,
          secret: secrets[0]?.secret ?? '',
          expires: toTimestamp(expiresMs),
          pin: deps.pin(),
          publicAddress: deps.publicAddress,
          trustDomain: deps.trustDomain,
        }
      },
    },
  }
}
