import { hostname } from 'node:os'
import type { AgentConfig } from '../../config/agent-config.ts'
import { loadSecret } from '../../config/secret-source.ts'
import { generateKeyPair } from '../../crypto/keys.ts'
import { proveSync } from '../../crypto/proof-of-possession.ts'
import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import { version } from '../../foundation/version.ts'
import type { JoinRequest } from '../../rpc/gen/signet/v1/JoinRequest.ts'
import type { JoinResponse__Output } from '../../rpc/gen/signet/v1/JoinResponse.ts'
import { PROTOCOL_VERSION } from '../../rpc/protocol.ts'
import { toTimestamp } from '../../rpc/timestamp.ts'
import type { IdentityStore } from '../state/identity-file.ts'
import type { AuthorityDoor } from '../uplink/authority-door.ts'
import { askOnce } from './ask-once.ts'
import { JoinRefusedError, JoinSecretMissingError } from './errors.ts'
import { type GivenIdentity, readBotCertificate } from './read-bot-certificate.ts'

export interface JoinDeps {
  readonly config: Pick<AgentConfig, 'join' | 'authority'>
  readonly door: AuthorityDoor
  readonly store: IdentityStore
  readonly clock: Clock
  readonly environment: NodeJS.ProcessEnv
}

const FIRST_GENERATION = 1

/**
 * Becomes a bot: learn the root that the pin names, make a key and write it down, then prove. A crash or a lost answer at any moment
 * leads to the same question with the same key, which the authority answers again (decision 0013).
 */
export async function join(deps: JoinDeps): Promise<GivenIdentity> {
  const { config, door, store, clock } = deps
  const { token: joinToken } = config.join
  const secret = await loadJoinSecret(deps)
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
  const request: JoinRequest = {
    protocolVersion: PROTOCOL_VERSION,
    joinToken,
    publicKey: key.publicKeyDer,
    proofOfPossession: proveSync({ purpose: 'join', trustDomain, joinToken }, key),
    secret: { secret },
    agentTime: toTimestamp(clock.now().getTime()),
    agentVersion: version,
    hostname: hostname(),
  }
  const { certificate } = await askOnce<JoinRequest, JoinResponse__Output>(
    door,
    { trustDomain, roots: [root] },
    'Join',
    request,
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

async function loadJoinSecret({ config, environment }: JoinDeps): Promise<string> {
  const { secret, secret_path } = config.join
  const source = secret ?? (secret_path === undefined ? undefined : { path: secret_path })
  if (source === undefined) {
    throw new JoinSecretMissingError(
      'this agent has no bot identity and no join secret: run `signet token create` on the authority and set join.token and join.secret_path',
    )
  }
  return (await loadSecret(source, environment)).toString()
}

/** Whether the same question may have another answer later; a refusal is final. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof CodedError)) return true // of the network or the disk, or a bug: logged, and tried again
  return error.kind === 'unavailable' || error.kind === 'resource_exhausted' || error.kind === 'internal'
}

/** One sentence for the operator that says where the reason is to be found. */
export function describeRefusal(error: CodedError): JoinRefusedError {
  const { reference } = error
  const where = reference === undefined ? '' : `: run on the authority: signet audit list --ref ${reference}`
  return new JoinRefusedError(`join ${error.publicMessage}${where}`, { cause: error })
}
