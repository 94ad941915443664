import assert from 'node:assert/strict'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite'
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

/** The data of a stopped authority with some of everything. Tests copy it for each attack. */
export interface SampleData extends AsyncDisposable {
  /** The bundle that the authority publishes. */
  readonly bundle: string
  /** Copies the data to a new directory. */
  copy(): Promise<AttackedData>
}

export interface AttackedData extends AsyncDisposable {
  readonly directory: string
  /** Runs SQL as an attacker with access to the database file would. */
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

/** Returns the row of a stored role. */
export function storedRole(data: AttackedData, name: string): Record<string, SQLOutputValue> {
  const connection = data.database()
  const row = connection.prepare(`SELECT * FROM resources WHERE kind = 'role' AND name = ?`).get(name)
  connection.close()
  assert.ok(row)
  return row
}

/** Inserts a resource twice. To do so it removes the unique keys and restores them afterwards. */
export function putTwice(data: AttackedData, row: Readonly<Record<string, SQLInputValue>>): void {
  const keys = `type = 'index' AND tbl_name = 'resources' AND sql IS NULL`
  const definition = `UPDATE sqlite_schema SET sql = ? WHERE name = 'resources'`
  const first = data.database()
  first.enableDefensive(false)
  const { sql } = first.prepare(`SELECT sql FROM sqlite_schema WHERE name = 'resources'`).get() as {
    sql: string
  }
  const { schema_version: version } = first.prepare('PRAGMA schema_version').get() as {
    schema_version: number
  }
  first.exec(`CREATE TEMP TABLE kept AS SELECT * FROM sqlite_schema WHERE ${keys}`)
  const indices = first.prepare('SELECT * FROM kept').all()
  first.exec(`DROP TABLE temp.kept; PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE ${keys}`)
  first
    .prepare(definition)
    .run(sql.replace(' unique', '').replace(/, constraint "resources_key" .*\)\)$/, ')'))
  first.exec(`PRAGMA schema_version = ${version + 1}`)
  first.close()

  const second = data.database()
  second.enableDefensive(false)
  const put = (table: string, values: Readonly<Record<string, SQLInputValue>>): unknown => {
    const places = Object.keys(values).map(() => '?')
    const text = `INSERT INTO ${table} (${Object.keys(values).join()}) VALUES (${places.join()})`
    return second.prepare(text).run(...Object.values(values))
  }
  put('resources', row)
  put('resources', row)
  second.exec('PRAGMA writable_schema = ON')
  for (const index of indices) put('sqlite_schema', index)
  second.prepare(definition).run(sql)
  second.exec(`PRAGMA schema_version = ${version + 2}`)
  second.close()
}

/** Returns the log records of an event. */
export function logged(authority: Pick<TestAuthority, 'log'>, event: string): Record<string, unknown>[] {
  return authority.log.flatMap((line) => {
    const entry = JSON.parse(line) as Record<string, unknown>
    return entry['event'] === event ? [entry] : []
  })
}
