import { hostname } from 'node:os'
import type { AgentConfig } from '../../config/agent-config.ts'
import { generateKeyPair } from '../../crypto/keys.ts'
import { joinChallengeStatement, proveSync } from '../../crypto/proof-of-possession.ts'
import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import { version } from '../../foundation/version.ts'
import type { JoinStart } from '../../rpc/gen/signet/v1/JoinStart.ts'
import { PROTOCOL_VERSION } from '../../rpc/protocol.ts'
import { toTimestamp } from '../../rpc/timestamp.ts'
import type { IdentityStore } from '../state/identity-file.ts'
import type { AuthorityDoor } from '../uplink/authority-door.ts'
import { askOnce } from './ask-once.ts'
import { JoinRefusedError } from './errors.ts'
import { holdConversation } from './hold-conversation.ts'
import type { Joining, JoinMethods, Prover } from './join-method.ts'
import { type GivenIdentity, readBotCertificate } from './read-bot-certificate.ts'

interface JoinDeps {
  readonly config: Pick<AgentConfig, 'join' | 'authority'>
  readonly door: AuthorityDoor
  readonly store: IdentityStore
  /** Has every method that a configuration can name. */
  readonly methods: JoinMethods
  readonly clock: Clock
  readonly environment: NodeJS.ProcessEnv
}

const FIRST_GENERATION = 1

/**
 * Joins as a bot: obtains the root that the pin names, makes a key and saves it, then sends the
 * proof. After a crash or a lost response, the same request with the same key is sent again, and
 * the authority gives the same answer (decision 0013).
 */
export async function join(deps: JoinDeps, signal: AbortSignal): Promise<GivenIdentity> {
  const { config, door, store, clock } = deps
  const { token: joinToken } = config.join
  const prover = await loadProver(deps)
  const { root, trustDomain } = await door.firstContact(config.authority.pin)
  const { stored } = store
  const asked = stored?.joining?.token === joinToken ? stored.joining.key : undefined
  const key = asked ?? (await generateKeyPair())
  if (asked === undefined) {
    const fresh = { trustDomain, roots: [root], joinToken }
    await store.save({
      ...(stored?.current === undefined ? fresh : stored),
      joining: { token: joinToken, key },
    })
  }
  const { method } = config.join
  const { publicKeyDer } = key
  const joining: Joining = {
    trustDomain,
    joinToken,
    publicKeyDer,
    signal,
    statementOf: (challenge) =>
      joinChallengeStatement({ trustDomain, joinToken, method, challenge }, publicKeyDer),
  }
  const start: JoinStart = {
    protocolVersion: PROTOCOL_VERSION,
    joinToken,
    publicKey: publicKeyDer,
    proofOfPossession: proveSync({ purpose: 'join', trustDomain, joinToken }, key),
    method,
    proof: await prover.prove(joining),
    agentTime: toTimestamp(clock.now().getTime()),
    agentVersion: version,
    hostname: hostname(),
  }
  const certificate = await askOnce(door, { trustDomain, roots: [root] }, (client) =>
    holdConversation(client, start, prover, joining),
  )
  const certified = readBotCertificate(certificate, {
    key,
    trustDomain,
    generation: FIRST_GENERATION,
    nowMs: clock.now().getTime(),
  })
  await store.save({ trustDomain, roots: certified.roots, joinToken, current: certified.identity })
  return certified
}

function loadProver({ config, methods, environment }: JoinDeps): Promise<Prover> {
  const method = methods.get(config.join.method)
  if (!method) throw new TypeError(`no join method ${config.join.method}`)
  return method.load(config.join, environment)
}

/** Whether a later attempt may succeed. A refusal is final. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof CodedError)) return true // a network or disk error, or a bug: logged and retried
  return error.kind === 'unavailable' || error.kind === 'resource_exhausted' || error.kind === 'internal'
}

/** An error for the operator that says where to find the reason. */
export function describeRefusal(error: CodedError): JoinRefusedError {
  const { reference } = error
  const where = reference === undefined ? '' : `: run on the authority: signet audit list --ref ${reference}`
  return new JoinRefusedError(`join ${error.publicMessage}${where}`, { cause: error })
}
