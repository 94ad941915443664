import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../../foundation/clock.ts'
import { CodedError } from '../../../foundation/errors.ts'
import { type Attributes, lookUp } from '../../../policy/attributes.ts'
import type { IdentityExplanation } from '../../../policy/compile.ts'
import { withLives } from '../../../policy/life.ts'
import { parseAttributes } from '../../../policy/parse-attributes.ts'
import { explainOrder } from '../../../policy/precedence.ts'
import type { RoleBounds } from '../../../policy/role.ts'
import type { ExplainRequest__Output } from '../../../rpc/gen/signet/v1/ExplainRequest.ts'
import type { ExplainResponse } from '../../../rpc/gen/signet/v1/ExplainResponse.ts'
import type { Handlers } from '../../../rpc/handlers.ts'
import type { Caller } from '../../caller.ts'
import type { KeysInUse } from '../../keys/keys-in-use.ts'
import type { Catalogue } from '../../resources/catalogue.ts'
import type { DefaultLives } from '../../resources/compiler.ts'
import type { IdentityEntry } from '../../resources/identity-entry.ts'

/** The attributes are not a tree of attributes. */
export class AttributesInvalidError extends CodedError {
  override readonly name = 'AttributesInvalidError'
  readonly code = 'ERR_ATTRIBUTES_INVALID'
  readonly kind = 'invalid_argument'
}

const TURN = 200

export interface ExplainDeps {
  readonly keys: () => Pick<KeysInUse, 'x509' | 'jwt'>
  readonly clock: Clock
  readonly defaultLives: DefaultLives
}

/** AdminService: what the policy says about attributes, for every workload identity. */
export function explainHandlers(catalogue: Catalogue, deps: ExplainDeps): Handlers<Caller> {
  return {
    Explain: {
      unary: async (_caller: Caller, request: ExplainRequest__Output): Promise<ExplainResponse> => {
        const attributes = parseAttributes(request.attributesJson)
        if (attributes === undefined) {
          throw new AttributesInvalidError(
            'expected attributes as JSON, such as {"workload":{"unix":{"uid":1000}}}',
          )
        }
        const identities: IdentityExplanation[] = []
        for (const [index, entry] of [...catalogue.identities.values()].entries()) {
          if (index % TURN === TURN - 1) await setImmediate()
          identities.push(withLifeOf(explain(entry, attributes), entry, attributes, catalogue, deps))
        }
        return { explanationJson: JSON.stringify({ attributes, identities: explainOrder(identities) }) }
      },
    },
  }
}

/** Roles bound it only where the attributes say which bot's agent asks. */
function withLifeOf(
  explained: IdentityExplanation,
  entry: IdentityEntry,
  attributes: Attributes,
  catalogue: Catalogue,
  { keys, clock, defaultLives }: ExplainDeps,
): IdentityExplanation {
  if (!explained.granted || !entry.isUsable) return explained
  const { x509, jwt } = keys()
  const bot = lookUp(attributes, 'bot.name')
  const grant = entry.compiled.decide(attributes)
  const bounded: ReturnType<RoleBounds['check']> =
    typeof bot === 'string' && !('refused' in grant)
      ? catalogue.bounds(bot).check({
          identity: entry.name,
          labels: entry.compiled.identity.labels,
          spiffeId: grant.spiffeId,
          dnsSans: grant.x509.dnsSans,
        })
      : { maxTtlSeconds: undefined }
  const limits = {
    defaultX509Seconds: defaultLives.x509TtlSeconds,
    defaultJwtSeconds: defaultLives.jwtTtlSeconds,
    roleMaxTtlSeconds: 'maxTtlSeconds' in bounded ? bounded.maxTtlSeconds : undefined,
    x509SignerEndMs: x509.notAfter * 1000,
    jwtSignerEndMs: jwt.notAfter * 1000,
  }
  return withLives(explained, limits, clock.now().getTime())
}

/** One that this program cannot use is nobody's; the others are explained all the same. */
function explain(entry: IdentityEntry, attributes: Attributes): IdentityExplanation {
  if (entry.isUsable) return entry.compiled.explain(attributes)
  const reason = 'this version of the authority cannot use it: apply it again to see why'
  return { identity: entry.name, revision: entry.revision, granted: false, reason }
}
