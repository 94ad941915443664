import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import type { PeerKernel } from '../../peer/kernel.ts'
import { openPeerByPid, type Peer } from '../../peer/peer.ts'
import { ATTESTORS } from '../../policy/attributes/registry.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Explanation } from '../../policy/compile.ts'
import { withLives } from '../../policy/life.ts'
import { parseAttributes } from '../../policy/parse-attributes.ts'
import { explainOrder } from '../../policy/precedence.ts'
import type { AgentAdminServiceExplainRequest__Output } from '../../rpc/gen/signet/v1/AgentAdminServiceExplainRequest.ts'
import type { AgentAdminServiceExplainResponse } from '../../rpc/gen/signet/v1/AgentAdminServiceExplainResponse.ts'
import type { AgentAdminServiceGetStatusResponse } from '../../rpc/gen/signet/v1/AgentAdminServiceGetStatusResponse.ts'
import type { RpcServer } from '../../rpc/server.ts'
import type { Attestation } from '../attestation/attest.ts'
import { AttestationFailedError, type HangsOn } from '../attestation/attestor.ts'
import type { Knowledge, KnowledgeSource } from '../sync/knowledge.ts'

/** The question cannot be answered as it was asked. */
export class ExplainRequestError extends CodedError {
  override readonly name = 'ExplainRequestError'
  readonly code = 'ERR_AGENT_EXPLAIN_REQUEST'
  readonly kind = 'invalid_argument'
}

/** There is nothing to explain before the first sync. */
export class NothingKnownError extends CodedError {
  override readonly name = 'NothingKnownError'
  readonly code = 'ERR_AGENT_NOTHING_KNOWN'
  readonly kind = 'unavailable'
}

export interface AdminDeps {
  readonly kernel: PeerKernel
  readonly attestation: Pick<Attestation, 'attest'>
  readonly knowledge: KnowledgeSource
  readonly maxIdentitiesPerCaller: number
  readonly clock: Clock
  readonly status: () => AgentAdminServiceGetStatusResponse
}

/** Serves the agent's own administration, on a socket that only its user and root may connect to. */
export function serveAdmin(server: RpcServer<Peer>, deps: AdminDeps): void {
  server.add('signet.v1.AgentAdminService', {
    Explain: {
      unary: async (
        _peer: Peer,
        request: AgentAdminServiceExplainRequest__Output,
      ): Promise<AgentAdminServiceExplainResponse> => ({
        explanationJson: JSON.stringify(await explain(deps, request)),
      }),
    },
    GetStatus: { unary: () => deps.status() },
  })
}

async function explain(
  deps: AdminDeps,
  request: AgentAdminServiceExplainRequest__Output,
): Promise<Explanation> {
  const knowledge = deps.knowledge.value
  if (knowledge === undefined) {
    throw new NothingKnownError('this agent has not heard from the authority yet: see signet agent status')
  }
  const attributes =
    request.subject === 'pid'
      ? await attributesOfProcess(deps, request.pid ?? 0, knowledge)
      : treeOf(request.attributesJson ?? '')
  const { join, bot } = knowledge.facts
  return bounded(
    knowledge.policy.explain({ join, bot, ...attributes }),
    knowledge,
    deps.maxIdentitiesPerCaller,
    deps.clock.now().getTime(),
  )
}

async function attributesOfProcess(deps: AdminDeps, pid: number, knowledge: Knowledge): Promise<Attributes> {
  if (!(pid > 0)) throw new ExplainRequestError('expected the pid of a process on this host')
  using peer = openPeerByPid(deps.kernel, pid)
  const { usedAttributes } = knowledge.policy
  try {
    // All there is to know, so that a rule can be written from it; else what the rules ask for, as when it calls.
    const all = ATTESTORS.map(({ name }) => `workload.${name}`)
    return await attestedAs(deps, peer, new Set([...usedAttributes, ...all]))
  } catch {
    const { policy, facts } = knowledge
    return await attestedAs(deps, peer, usedAttributes, (path, workload) =>
      policy.hangsOn(path, { workload, ...facts }),
    )
  }
}

async function attestedAs(
  deps: AdminDeps,
  peer: Peer,
  wanted: ReadonlySet<string>,
  hangsOn?: HangsOn,
): Promise<Attributes> {
  try {
    return await deps.attestation.attest(peer, wanted, hangsOn)
  } catch (error) {
    if (!(error instanceof AttestationFailedError)) throw error
    const { pid } = peer.credentials
    throw new ExplainRequestError(`process ${pid} cannot be attested: ${error.reason}`, { cause: error })
  }
}

function treeOf(json: string): Attributes {
  const attributes = parseAttributes(json)
  if (attributes !== undefined) return attributes
  throw new ExplainRequestError('expected attributes as JSON, such as {"workload":{"unix":{"uid":1000}}}')
}

/** Roles and locks stand above what the rules say. */
function bounded(
  explanation: Explanation,
  knowledge: Knowledge,
  maxIdentitiesPerCaller: number,
  nowMs: number,
): Explanation {
  const identities = explanation.identities.map((each) => {
    const { granted, identity, spiffeId = '' } = each
    if (!granted) return each
    if (knowledge.botLocked)
      return { ...each, granted: false, reason: 'the bot of this agent is locked or refused' }
    const grant = knowledge.policy.get(identity)?.decide(explanation.attributes)
    const refused = grant && !('refused' in grant) ? knowledge.roleRefusalOf(grant) : undefined
    if (refused !== undefined) return { ...each, granted: false, reason: refused }
    const locked = knowledge.isLocked({ workloadIdentity: identity, spiffeId })
    if (locked) return { ...each, granted: false, reason: 'a lock on the workload identity or its SPIFFE ID' }
    const limits = grant && !('refused' in grant) ? knowledge.lifeLimitsOf(grant) : undefined
    return limits ? withLives(each, limits, nowMs) : each
  })
  return { ...explanation, identities: explainOrder(identities, maxIdentitiesPerCaller) }
}
