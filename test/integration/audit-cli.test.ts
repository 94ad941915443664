import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { startAuthority, type TestAuthority } from '../support/start-authority.ts'

const BINARY = path.resolve(import.meta.dirname, '../../bin/signet.js')

interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

function audit(authority: TestAuthority, ...args: readonly string[]): Promise<Ran> {
  const all = [BINARY, 'audit', ...args, '--admin-socket', authority.adminSocket]
  return new Promise((resolve) => {
    execFile(process.execPath, all, { encoding: 'utf8', maxBuffer: 1 << 28 }, (error, stdout, stderr) =>
      resolve({ status: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}

const NESTED = `{"a":${'['.repeat(4_000)}${']'.repeat(4_000)}}`

describe('audit list --json', () => {
  it('is JSON, whatever the rows contain', async () => {
    await using authority = await startAuthority()
    const database = new DatabaseSync(path.join(authority.config.data_dir, 'authority.db'))
    const { last } = database.prepare('SELECT max(sequence) AS last FROM audit_events').get() as {
      last: number
    }
    const rows: readonly (readonly [string, unknown])[] = [
      ['detail', NESTED],
      ['detail', 'not JSON \u001b[31m'],
      ['detail', Buffer.from([0xff, 0x00, 0xfe])],
      ['detail', `{"a":"${'x'.repeat(6_000_000)}"}`],
      ['time_ms', 9_223_372_036_854_775_807n],
      ['time_ms', 'soon'],
      ['event', Buffer.alloc(0)],
      ['ref', '\u202e'],
    ]
    assert.ok(last > rows.length)
    for (const [index, [column, value]] of rows.entries())
      database
        .prepare(`UPDATE audit_events SET ${column} = ? WHERE sequence = ?`)
        .run(value as string, index + 1)
    database.close()
    const json = await audit(authority, 'list', '--json')
    assert.deepEqual([json.status, json.stderr], [0, ''])
    const listed = JSON.parse(json.stdout) as { sequence: number; detail: { unreadable?: string } }[]
    assert.deepEqual(
      listed.map(({ sequence }) => sequence),
      Array.from({ length: last }, (_, n) => n + 1),
    )
    assert.match(listed[1]?.detail.unreadable ?? '', /^not JSON/)
    assert.equal((await audit(authority, 'list')).status, 0)
    const verified = await audit(authority, 'verify')
    assert.equal(verified.status, 1)
    for (const sequence of [1, 2, 3, 4, 5, 6, 7, 8])
      assert.match(verified.stderr, new RegExp(`^row ${sequence} .*was changed$`, 'm'))
  })
})

describe('audit archive', () => {
  it('reports what it did, and its file can be verified and listed', async () => {
    await using authority = await startAuthority()
    const nothing = await audit(authority, 'archive', '--before', '1h')
    assert.equal(nothing.status, 6)
    const before = new Date(Date.now() + 1_000).toISOString()
    const archived = await audit(authority, 'archive', '--before', before, '--json')
    assert.equal(archived.status, 0, archived.stderr)
    const { file, first, last, events } = JSON.parse(archived.stdout) as {
      file: string
      first: number
      last: number
      events: number
    }
    assert.deepEqual([first, last], [1, events])
    const alone = await audit(authority, 'verify')
    assert.match(alone.stdout, new RegExp(`events 1 to ${last} are in archives that were not read`))
    const together = await audit(authority, 'verify', '--archive', file)
    assert.equal(together.status, 0, together.stderr)
    assert.match(together.stdout, new RegExp(`the audit log is intact: .* ${events} events in archives`))
    const listed = await audit(authority, 'list', '--archive', file, '--json', '--event', 'authority.*')
    const [started] = JSON.parse(listed.stdout) as { event: string; detail: { trustDomain: string } }[]
    assert.equal(started?.event, 'authority.started')
    assert.equal(started.detail.trustDomain, 'example.org')
  })
})
