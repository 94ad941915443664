import { setImmediate } from 'node:timers/promises'
import { CodedError } from '../../../foundation/errors.ts'
import type { Attributes } from '../../../policy/attributes.ts'
import type { IdentityExplanation } from '../../../policy/compile.ts'
import { parseAttributes } from '../../../policy/parse-attributes.ts'
import { explainOrder } from '../../../policy/precedence.ts'
import type { ExplainRequest__Output } from '../../../rpc/gen/signet/v1/ExplainRequest.ts'
import type { ExplainResponse } from '../../../rpc/gen/signet/v1/ExplainResponse.ts'
import type { Handlers } from '../../../rpc/handlers.ts'
import type { Caller } from '../../caller.ts'
import type { Catalogue } from '../../identities/catalogue.ts'
import type { IdentityEntry } from '../../identities/identity-entry.ts'

/** The attributes are not a tree of attributes. */
export class AttributesInvalidError extends CodedError {
  override readonly name = 'AttributesInvalidError'
  readonly code = 'ERR_ATTRIBUTES_INVALID'
  readonly kind = 'invalid_argument'
}

const TURN = 200

/** AdminService: what the policy says about attributes, for every workload identity. */
export function explainHandlers(catalogue: Catalogue): Handlers<Caller> {
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
          identities.push(explain(entry, attributes))
        }
        return { explanationJson: JSON.stringify({ attributes, identities: explainOrder(identities) }) }
      },
    },
  }
}

/** One that this program cannot use is nobody's; the others are explained all the same. */
function explain(entry: IdentityEntry, attributes: Attributes): IdentityExplanation {
  if (entry.isUsable) return entry.compiled.explain(attributes)
  const reason = 'this version of the authority cannot use it: apply it again to see why'
  return { identity: entry.name, revision: entry.revision, granted: false, reason }
}
