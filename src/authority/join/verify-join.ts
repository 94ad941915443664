import type { JoinTokenSpec } from '../../config/join-methods/registry.ts'
import { checkProof, joinChallengeStatement } from '../../crypto/proof-of-possession.ts'
import { CodedError, messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Attributes } from '../../policy/attributes.ts'
import { parseAttributes } from '../../policy/parse-attributes.ts'
import { MalformedRequestError } from '../../rpc/errors.ts'
import { findJoinToken } from '../datastore/join-token-repository.ts'
import type { Datastore } from '../datastore/ports.ts'
import type { ResourceRepository } from '../datastore/resource-repository.ts'
import { JoinUndecidedError } from './errors.ts'
import type { Joining, JoinMethods, NamedToken, Verdict } from './join-method.ts'
import type { Standing } from './join-refusals.ts'
import type { JoinConversation, JoinInput } from './joiner.ts'

interface VerifyJoinDeps {
  readonly datastore: Datastore
  readonly resources: ResourceRepository
  readonly methods: JoinMethods
  readonly trustDomain: string
  readonly logger: Logger
}

/** What a method proved, and for which revision of the token. It holds for that revision only. */
export interface VerifiedJoin {
  readonly revision: string
  readonly attributes: Attributes
}

/** `refused`: the reason, for the audit log only. */
export interface UnprovenJoin {
  readonly refused: string
  readonly standing: Standing
}

/**
 * Attributes are in every audit row of an SVID that a rule about them grants, and are sent to each
 * agent.
 */
const MAX_ATTRIBUTES_BYTES = 8 * 1024

/**
 * Does everything that can be decided before a use of the token is reserved. The method may ask the
 * agent and other services, which takes time.
 *
 * @throws JoinUndecidedError when the method cannot decide
 */
export async function verifyJoin(
  input: JoinInput,
  { ask, signal }: JoinConversation,
  deps: VerifyJoinDeps,
): Promise<VerifiedJoin | UnprovenJoin> {
  const { joinToken, publicKeyDer, address } = input
  const { trustDomain } = deps
  const isHeld = checkProof(
    { purpose: 'join', trustDomain, joinToken },
    publicKeyDer,
    input.proofOfPossession,
  )
  if (!isHeld) return { refused: 'bad_proof', standing: 'unknown' }
  const method = deps.methods.get(input.method)
  if (!method) return { refused: 'unknown_method', standing: 'unknown' }
  const token = await findToken(joinToken, deps)
  const isMethodOfToken = token?.spec.method === input.method
  const joining: Joining = {
    joinToken,
    trustDomain,
    publicKeyDer,
    address,
    signal,
    challenge: ask,
    statementOf: (challenge) =>
      joinChallengeStatement({ trustDomain, joinToken, method: input.method, challenge }, publicKeyDer),
  }
  const verdict = await decided(
    () => method.verify(isMethodOfToken ? token : undefined, input.proof, joining),
    input,
    signal,
    deps.logger,
  )
  signal.throwIfAborted()
  if (!token) return { refused: 'unknown_token', standing: 'unknown' }
  if (!isMethodOfToken) return { refused: 'wrong_method', standing: 'unproven' }
  if ('refused' in verdict) return { ...verdict, standing: 'unproven' }
  const json = JSON.stringify(verdict.attributes)
  const attributes = Buffer.byteLength(json) > MAX_ATTRIBUTES_BYTES ? undefined : parseAttributes(json)
  if (!attributes) return { refused: 'unusable_attributes', standing: 'proven' }
  return { revision: token.revision, attributes }
}

/** Runs one transaction in any case, so that the timing does not show whether the token exists. */
function findToken(
  name: string,
  { datastore, resources }: VerifyJoinDeps,
): Promise<(NamedToken & { readonly revision: string }) | undefined> {
  return datastore.transaction(async (tx) => {
    const resource = await resources.find(tx, 'join_token', name)
    const token = await findJoinToken(tx, name)
    if (!resource || !token) return undefined
    return {
      name,
      spec: resource.spec as JoinTokenSpec,
      state: token.method_state,
      revision: resource.revision,
    }
  })
}

/**
 * Runs the method. When a service that it asked fails, the join is undecided and the agent tries
 * again. An agent that is gone, or that answers with a malformed message, is not the method's
 * failure.
 */
async function decided(
  verify: () => Promise<Verdict> | Verdict,
  { method, joinToken, address }: JoinInput,
  signal: AbortSignal,
  logger: Logger,
): Promise<Verdict> {
  try {
    return await verify()
  } catch (error) {
    if (!(error instanceof CodedError) || error instanceof MalformedRequestError) throw error
    signal.throwIfAborted()
    logger.warn(
      { event: 'join.undecided', method, joinToken, address, reason: messageOf(error) },
      'a join could not be decided',
    )
    throw new JoinUndecidedError(undefined, { cause: error })
  }
}
