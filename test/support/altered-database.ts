import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { GetBundleResponse__Output } from '../../src/rpc/gen/signet/v1/GetBundleResponse.ts'
import { joinBot } from './bot-client.ts'
import { startAuthority, type TestAuthority } from './start-authority.ts'

const RESOURCES = `
kind: role
version: v1
metadata: { name: ci }
spec: { max_ttl: 8h, allow: [{ kind: workload_identity, spiffe_ids: ["/svc/**"] }], deny: [{ kind: workload_identity, spiffe_ids: [/svc/root] }] }
---
kind: role
version: v1
metadata: { name: everything }
spec: { allow: [{ kind: workload_identity, spiffe_ids: ["/**"] }] }
---
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [ci] }
---
kind: bot
version: v1
metadata: { name: banned }
spec: { roles: [ci] }
---
kind: lock
version: v1
metadata: { name: lost-laptop }
spec: { target: { bot: banned }, reason: lost }
---
kind: workload_identity
version: v1
metadata: { name: web }
spec: { spiffe_id: /svc/web, allow: [{ match: { workload.unix.uid: 1000 } }] }
`

/** The data of a stopped authority with a bit of everything; to be copied for each attack. */
export interface SampleData extends AsyncDisposable {
  /** What the authority publishes. */
  readonly bundle: string
  /** A fresh copy in a directory of its own. */
  copy(): Promise<AttackedData>
}

export interface AttackedData extends AsyncDisposable {
  readonly directory: string
  /** What somebody with a shell does to the database. */
  sql(text: string): void
  database(): DatabaseSync
  start(options?: { acceptAltered?: boolean }): Promise<TestAuthority>
}

export async function createSampleData(): Promise<SampleData> {
  const directory = await mkdtemp(path.join(tmpdir(), 'signet-sample-'))
  await using authority = await startAuthority({ directory })
  await authority.apply(RESOURCES)
  using _bot = await joinBot(authority, 'builder')
  await authority.createJoinToken('builder', 3)
  await authority.admin.unary('signet.v1.AdminService', 'RotateCa', { purpose: 'spiffe_x509', now: true })
  const { spiffeBundle } = await authority.admin.unary<object, GetBundleResponse__Output>(
    'signet.v1.AdminService',
    'GetBundle',
    {},
  )
  await authority.stop()
  return {
    bundle: spiffeBundle.toString(),
    copy: async () => attacked(directory, await mkdtemp(path.join(tmpdir(), 'signet-attacked-'))),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}

async function attacked(from: string, directory: string): Promise<AttackedData> {
  await cp(from, directory, { recursive: true })
  const database = (): DatabaseSync => new DatabaseSync(path.join(directory, 'data', 'authority.db'))
  return {
    directory,
    database,
    sql: (text) => {
      const connection = database()
      connection.exec(text)
      connection.close()
    },
    start: (options = {}) => startAuthority({ directory, ...options }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}

/** The log lines of an event. */
export function logged(authority: Pick<TestAuthority, 'log'>, event: string): Record<string, unknown>[] {
  return authority.log.flatMap((line) => {
    const entry = JSON.parse(line) as Record<string, unknown>
    return entry['event'] === event ? [entry] : []
  })
}
