import { writeFileAtomically } from '../../../foundation/atomic-file.ts'
import type { TrialPlace } from './place.ts'

export const TRUST_DOMAIN = 'trial.example'
export const BOT = 'trial'

/** Short lifetimes, so that rotations can be watched. The root stays, because the agent pins it. */
export function authorityYaml(place: TrialPlace): string {
  return `# Made by signet trial; written again at each start.
version: 1
trust_domain: ${TRUST_DOMAIN}
data_dir: ${quote(place.file('authority'))}
key_encryption_key: { path: ${quote(place.file('keys', 'kek'))} }
admin: { socket: ${quote(place.authoritySocket)} }
listen: 127.0.0.1:0
lifetimes: { control_issuing: 1d, spiffe_ca: 30m, jwt_key: 30m, bot_certificate: 5m }
`
}

interface AgentInput {
  readonly address: string
  readonly pin: string
  readonly token: string
}

export function agentYaml(place: TrialPlace, { address, pin, token }: AgentInput): string {
  return `# Made by signet trial; written again at each start.
version: 1
authority: { address: ${quote(address)}, pin: ${quote(pin)} }
join: { token: ${quote(token)}, method: secret, secret_path: ${quote(place.file('keys', 'join-secret'))} }
data_dir: ${quote(place.file('agent'))}
state_key: { path: ${quote(place.file('keys', 'agent-state-key'))} }
workload_api: { socket: ${quote(place.workloadSocket)} }
admin: { socket: ${quote(place.agentAdminSocket)} }
`
}

/** Two identities for the current user, by two kinds of attributes. */
export function resourcesYaml(uid: number): string {
  return `kind: role
version: v1
metadata: { name: trial }
spec:
  max_ttl: 1h
  allow:
    - { kind: workload_identity, labels: { env: [trial] }, spiffe_ids: [/user/**, /program/**] }
---
kind: bot
version: v1
metadata: { name: ${BOT} }
spec: { roles: [trial] }
---
kind: workload_identity
version: v1
metadata: { name: user, labels: { env: trial } }
spec:
  spiffe_id: /user/{{ workload.unix.uid }}
  hint: user
  allow:
    - match: { workload.unix.uid: ${uid} }
  x509: { ttl: 1m }
  jwt: { ttl: 1m }
---
kind: workload_identity
version: v1
metadata: { name: node, labels: { env: trial } }
spec:
  spiffe_id: /program/node
  hint: node
  allow:
    - match: { workload.unix.uid: ${uid}, workload.unix.binary_path: { glob: /**/node } }
  x509: { ttl: 1m }
  jwt: { ttl: 1m }
`
}

/** The name of what the trial applies and locks for a moment, and its SPIFFE ID. */
export const VISITOR_NAME = 'visitor'
export const VISITOR = '/program/visitor'

export function visitorYaml(uid: number): string {
  return `kind: workload_identity
version: v1
metadata: { name: ${VISITOR_NAME}, labels: { env: trial } }
spec:
  spiffe_id: ${VISITOR}
  allow:
    - match: { workload.unix.uid: ${uid} }
`
}

export function lockYaml(): string {
  return `kind: lock
version: v1
metadata: { name: ${VISITOR_NAME} }
spec: { target: { workload_identity: ${VISITOR_NAME} }, reason: the trial shows a lock }
`
}

export async function writePrivate(file: string, text: string): Promise<void> {
  await writeFileAtomically(file, text, { mode: 0o600 })
}

/** A JSON string is a YAML string. */
function quote(text: string): string {
  return JSON.stringify(text)
}
