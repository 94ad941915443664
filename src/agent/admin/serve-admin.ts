import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import type { PeerKernel } from '../../peer/kernel.ts'
import { openPeerByPid, type Peer } from '../../peer/peer.ts'
import { ATTESTORS } from '../../policy/attributes/registry.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Explanation, IdentityExplanation } from '../../policy/compile.ts'
import { explain as explainOne } from '../../policy/decision.ts'
import { attributesProblem, parseAttributes } from '../../policy/parse-attributes.ts'
import { explainOrder } from '../../policy/precedence.ts'
import type { AgentAdminServiceExplainRequest__Output } from '../../rpc/gen/signet/v1/AgentAdminServiceExplainRequest.ts'
import type { AgentAdminServiceExplainResponse } from '../../rpc/gen/signet/v1/AgentAdminServiceExplainResponse.ts'
import type { AgentAdminServiceGetStatusResponse } from '../../rpc/gen/signet/v1/AgentAdminServiceGetStatusResponse.ts'
import type { RpcServer } from '../../rpc/server.ts'
import type { Attestation } from '../attestation/attest.ts'
import { AttestationFailedError, type DependsOn } from '../attestation/attestor.ts'
import type { Knowledge, KnowledgeSource } from '../sync/knowledge.ts'

/** The request to explain is incomplete or contradicts itself. */
class ExplainRequestError extends CodedError {
  override readonly name = 'ExplainRequestError'
  readonly code = 'ERR_AGENT_EXPLAIN_REQUEST'
  readonly kind = 'invalid_argument'
}

/** The agent has not synced yet, so there is nothing to explain. */
class NothingKnownError extends CodedError {
  override readonly name = 'NothingKnownError'
  readonly code = 'ERR_AGENT_NOTHING_KNOWN'
  readonly kind = 'unavailable'
}

/** Yields to other calls after this many identities. */
const TURN = 200

export interface AdminDeps {
  readonly kernel: PeerKernel
  readonly attestation: Pick<Attestation, 'attest'>
  readonly knowledge: KnowledgeSource
  readonly maxIdentitiesPerCaller: number
  readonly clock: Clock
  readonly status: () => AgentAdminServiceGetStatusResponse
}

/** Serves the agent's admin API, on a socket to which only the agent's user and root may connect. */
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
  const facts = { ...attributes, join, bot }
  const nowMs = deps.clock.now().getTime()
  const lives = { nowMs, limits: (most: number | undefined) => knowledge.lifeLimits(most) }
  const identities: IdentityExplanation[] = []
  for (const compiled of knowledge.policy.identities) {
    if (identities.length % TURN === TURN - 1) await setImmediate()
    identities.push(explainOne(compiled, facts, knowledge, lives))
  }
  return { attributes: facts, identities: explainOrder(identities, deps.maxIdentitiesPerCaller) }
}

async function attributesOfProcess(deps: AdminDeps, pid: number, knowledge: Knowledge): Promise<Attributes> {
  if (!(pid > 0)) throw new ExplainRequestError('expected the pid of a process on this host')
  using peer = openPeerByPid(deps.kernel, pid)
  const { usedAttributes } = knowledge.policy
  try {
    // First tries to read every attribute, so that the operator can write rules from the answer. If
    // that fails, reads only what the rules use, as for a real caller.
    const all = ATTESTORS.map(({ name }) => `workload.${name}`)
    return await attestedAs(deps, peer, new Set([...usedAttributes, ...all]))
  } catch {
    const { policy, facts } = knowledge
    return await attestedAs(deps, peer, usedAttributes, (path, workload) =>
      policy.dependsOn(path, { workload, ...facts }),
    )
  }
}

async function attestedAs(
  deps: AdminDeps,
  peer: Peer,
  wanted: ReadonlySet<string>,
  dependsOn?: DependsOn,
): Promise<Attributes> {
  try {
    return await deps.attestation.attest(peer, wanted, dependsOn)
  } catch (error) {
    if (!(error instanceof AttestationFailedError)) throw error
    const { pid } = peer.credentials
    throw new ExplainRequestError(`process ${pid} cannot be attested: ${error.reason}`, { cause: error })
  }
}

/**
 * Reads the given attributes. Only `workload.*` may be given: `join.*` and `bot.*` are those of
 * this agent.
 */
function treeOf(json: string): Attributes {
  const attributes = parseAttributes(json)
  if (attributes === undefined)
    throw new ExplainRequestError('expected attributes as JSON, such as {"workload":{"unix":{"uid":1000}}}')
  const problem = attributesProblem(attributes)
  if (problem !== undefined) throw new ExplainRequestError(problem)
  const own = ['join', 'bot'].find((root) => Object.hasOwn(attributes, root))
  if (own !== undefined) throw new ExplainRequestError(`${own}.* of this agent is known and cannot be given`)
  return attributes
}
