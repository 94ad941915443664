import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../../foundation/clock.ts'
import { CodedError } from '../../../foundation/errors.ts'
import { type Attributes, lookUp } from '../../../policy/attributes.ts'
import type { Explanation, IdentityExplanation } from '../../../policy/compile.ts'
import { type Bounds, explain } from '../../../policy/decision.ts'
import { attributesProblem, parseAttributes } from '../../../policy/parse-attributes.ts'
import { explainOrder } from '../../../policy/precedence.ts'
import type { ExplainRequest__Output } from '../../../rpc/gen/signet/v1/ExplainRequest.ts'
import type { ExplainResponse } from '../../../rpc/gen/signet/v1/ExplainResponse.ts'
import type { Handlers } from '../../../rpc/handlers.ts'
import type { Caller } from '../../caller.ts'
import { type BoundsDeps, boundsOf } from '../../issuance/bounds.ts'
import type { KeysInUse } from '../../keys/keys-in-use.ts'
import type { Catalogue } from '../../resources/catalogue.ts'
import type { DefaultLives } from '../../resources/compiler.ts'
import { factsOf, type InstanceFacts } from '../../resources/facts.ts'
import type { IdentityEntry } from '../../resources/identity-entry.ts'

/** The given attributes are not a tree of known attributes. */
class AttributesInvalidError extends CodedError {
  override readonly name = 'AttributesInvalidError'
  readonly code = 'ERR_ATTRIBUTES_INVALID'
  readonly kind = 'invalid_argument'
}

const TURN = 200

export interface ExplainDeps extends BoundsDeps {
  readonly keys: () => Pick<KeysInUse, 'signer' | 'jwt'>
  readonly clock: Clock
  readonly defaultLives: DefaultLives
  readonly hasBot: (name: string) => boolean
  readonly traits: (bot: string) => Readonly<Record<string, unknown>>
  readonly instance: (id: string) => InstanceFacts | undefined
}

/** AdminService: what a caller with these attributes would get of every workload identity. */
export function explainHandlers(
  catalogue: Catalogue,
  deps: ExplainDeps,
): Pick<Handlers<Caller, 'signet.v1.AdminService'>, 'Explain'> {
  return {
    Explain: {
      unary: async (_caller: Caller, request: ExplainRequest__Output): Promise<ExplainResponse> => {
        const subject = subjectOf(treeOf(request.attributesJson), deps)
        const { attributes, bounds, notConsidered, onlyIf } = subject
        const identities: IdentityExplanation[] = []
        for (const entry of [...catalogue.identities.values()]) {
          if (identities.length % TURN === TURN - 1) await setImmediate()
          identities.push(limited(explainEntry(entry, attributes, bounds, deps), onlyIf))
        }
        const explanation: Explanation = {
          ...(notConsidered.length > 0 ? { notConsidered } : {}),
          attributes,
          identities: explainOrder(identities),
        }
        return { explanationJson: JSON.stringify(explanation) }
      },
    },
  }
}

function treeOf(json: string): Attributes {
  const attributes = parseAttributes(json)
  if (attributes === undefined)
    throw new AttributesInvalidError(
      'expected attributes as JSON, such as {"workload":{"unix":{"uid":1000}}}',
    )
  const problem = attributesProblem(attributes)
  if (problem !== undefined) throw new AttributesInvalidError(problem)
  return attributes
}

interface ExplainSubject {
  readonly attributes: Attributes
  readonly bounds: Bounds
  readonly notConsidered: readonly string[]
  readonly onlyIf?: string
}

/**
 * Works out for which agent to explain. `bot.instance_id` or `bot.name` identifies it. Whatever is
 * known of either is filled in and may not be given a different value, because an agent cannot choose
 * it. Other attributes may be made up, and the explanation says what it left out.
 */
function subjectOf(given: Attributes, deps: ExplainDeps): ExplainSubject {
  const id = lookUp(given, 'bot.instance_id')
  if (typeof id === 'string') return ofInstance(given, id, deps)
  const bot = lookUp(given, 'bot.name')
  if (typeof bot !== 'string') {
    return {
      attributes: given,
      bounds: boundsOf(deps, {}),
      notConsidered: ['roles and locks of a bot: give bot.name or bot.instance_id'],
      onlyIf: 'a role of the bot permits it and nothing locks the bot',
    }
  }
  if (!deps.hasBot(bot)) throw new AttributesInvalidError(`there is no bot ${JSON.stringify(bot)}`)
  const traits = deps.traits(bot) as Attributes
  const token = lookUp(given, 'join.token')
  const joinToken = typeof token === 'string' ? { joinToken: token } : {}
  return {
    attributes: { ...given, bot: filledIn(given, 'bot', { name: bot, traits }) },
    bounds: boundsOf(deps, { bot, ...joinToken }),
    notConsidered: ['locks on one instance of the bot: give bot.instance_id'],
  }
}

function ofInstance(given: Attributes, id: string, deps: ExplainDeps): ExplainSubject {
  const instance = deps.instance(id)
  if (instance === undefined)
    throw new AttributesInvalidError(`there is no bot instance ${JSON.stringify(id)}`)
  const facts = factsOf(instance, deps.traits(instance.bot))
  const join = filledIn(given, 'join', facts.join)
  const bot = filledIn(given, 'bot', facts.bot)
  return { attributes: { ...given, join, bot }, bounds: boundsOf(deps, instance), notConsidered: [] }
}

/** @throws AttributesInvalidError when a given value differs from the known one */
function filledIn(given: Attributes, root: 'join' | 'bot', known: Attributes): Attributes {
  for (const [name, value] of Object.entries((given[root] ?? {}) as Attributes)) {
    if (JSON.stringify(value) === JSON.stringify(known[name])) continue
    throw new AttributesInvalidError(`${root}.${name} is known and cannot be given: leave it out`)
  }
  return known
}

/** Rules alone grant nothing: says what else a grant needs, right after the verdict. */
function limited(explained: IdentityExplanation, onlyIf: string | undefined): IdentityExplanation {
  const { identity, revision, granted, ...given } = explained
  return granted && onlyIf !== undefined ? { identity, revision, granted, onlyIf, ...given } : explained
}

/**
 * Explains one identity. One that this version cannot use is granted to nobody, and does not keep the
 * others from being explained.
 */
function explainEntry(
  entry: IdentityEntry,
  attributes: Attributes,
  bounds: Bounds,
  { keys, clock, defaultLives }: ExplainDeps,
): IdentityExplanation {
  if (!entry.isUsable) {
    const reason = 'this version of the authority cannot use it: apply it again to see why'
    return { identity: entry.name, revision: entry.revision, granted: false, reason }
  }
  const { signer, jwt } = keys()
  return explain(entry.compiled, attributes, bounds, {
    nowMs: clock.now().getTime(),
    limits: (roleMaxTtlSeconds) => ({
      defaultX509Seconds: defaultLives.x509TtlSeconds,
      defaultJwtSeconds: defaultLives.jwtTtlSeconds,
      roleMaxTtlSeconds,
      x509SignerEndMs: signer('spiffe_x509').notAfter * 1000,
      jwtSignerEndMs: jwt.notAfter * 1000,
    }),
  })
}
