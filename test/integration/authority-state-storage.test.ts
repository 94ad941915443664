import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { readMeta } from '../../src/authority/datastore/meta.ts'
import { takeRevisions } from '../../src/authority/datastore/revisions.ts'
import { SqliteDatastore } from '../../src/authority/datastore/sqlite/sqlite-datastore.ts'
import { systemClock } from '../../src/foundation/clock.ts'
import { createLogger } from '../../src/foundation/logger.ts'
import { datastoreDeps, execute } from '../support/datastore-deps.ts'

async function temporary() {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'signet-state-'))
  const remove = () => rm(directory, { recursive: true, force: true })
  return { directory, file: path.join(directory, 'authority.db'), [Symbol.asyncDispose]: remove }
}

const deps = () => datastoreDeps({ clock: systemClock })

/**
 * Writes until the storage is full. Returns the outcomes of the failed commit and of those beside
 * it.
 */
async function fill(datastore: SqliteDatastore): Promise<PromiseSettledResult<unknown>[]> {
  for (let round = 0; round < 100; round++) {
    const outcomes = await Promise.allSettled([
      datastore.transaction(async (tx) => takeRevisions(tx)),
      datastore.transaction(async (tx) =>
        execute(tx, `INSERT INTO meta (key, value) VALUES ('filler ${round}', '${'x'.repeat(100_000)}')`),
      ),
      datastore.transaction(async (tx) => takeRevisions(tx)),
    ])
    if (outcomes.some(({ status }) => status === 'rejected')) return outcomes
  }
  assert.fail('the storage took everything')
}

describe('a datastore on a disk that is full', () => {
  const skip = process.getuid?.() === 0 ? false : 'needs root to mount a small disk'

  it('rejects the whole commit with an error that says what to do, and continues once there is room', {
    skip,
  }, async () => {
    await using place = await temporary()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place.directory])
    try {
      const lines: string[] = []
      const logger = createLogger({ destination: { write: (line) => void lines.push(line) } })
      await using datastore = await SqliteDatastore.open(place.file, { ...deps(), logger })
      const outcomes = await fill(datastore)
      const before = await readMeta(datastore, 'resource_revision')
      for (const outcome of outcomes) {
        assert.equal(outcome.status, 'rejected')
        assert.equal(outcome.reason.code, 'ERR_DATASTORE_UNAVAILABLE')
        assert.match(outcome.reason.publicMessage, /disk is full; make room/)
      }
      assert.ok(lines.some((line) => line.includes('audit.stalled')))
      assert.equal(await readMeta(datastore, 'resource_revision'), before, 'nothing of the commit is there')
      execFileSync('mount', ['-o', 'remount,size=4m', place.directory])
      const next = await datastore.transaction(async (tx) => takeRevisions(tx))
      assert.equal(next, Number(before) + 1)
    } finally {
      execFileSync('umount', ['-l', place.directory])
    }
  })
})

describe('a datastore whose files may not grow', () => {
  it('rejects the whole commit and keeps the existing data', async () => {
    await using place = await temporary()
    const script = path.join(place.directory, 'child.ts')
    const source = path.resolve(import.meta.dirname, '../../src')
    const support = path.resolve(import.meta.dirname, '../support')
    await writeFile(
      script,
      `import { SqliteDatastore } from '${source}/authority/datastore/sqlite/sqlite-datastore.ts'
import { readMeta } from '${source}/authority/datastore/meta.ts'
import { takeRevisions } from '${source}/authority/datastore/revisions.ts'
import { datastoreDeps, execute } from '${support}/datastore-deps.ts'
const deps = datastoreDeps()
const datastore = await SqliteDatastore.open(${JSON.stringify(place.file)}, deps)
await datastore.transaction(async (tx) => takeRevisions(tx))
const outcomes = await Promise.allSettled([
  datastore.transaction(async (tx) => takeRevisions(tx)),
  datastore.transaction(async (tx) => execute(tx, "INSERT INTO meta (key, value) VALUES ('big', '" + 'x'.repeat(4_000_000) + "')")),
])
const codes = outcomes.map((outcome) => outcome.reason?.code ?? 'stored')
console.log(JSON.stringify([codes, await readMeta(datastore, 'resource_revision')]))
`,
    )
    // Without NODE_V8_COVERAGE: the limit would also truncate its report and spoil that of the
    // whole run.
    const command = `unset NODE_V8_COVERAGE; ulimit -f 1000; exec "${process.execPath}" "${script}"`
    const output = execFileSync('sh', ['-c', command], { encoding: 'utf8' })
    assert.deepEqual(JSON.parse(output), [['ERR_DATASTORE_UNAVAILABLE', 'ERR_DATASTORE_UNAVAILABLE'], '1'])
  })
})

describe('a data directory that is read-only', () => {
  const skip = process.getuid?.() === 0 ? false : 'needs root to mount read-only'

  it('is refused at start with an error that says what to do', { skip }, async () => {
    await using place = await temporary()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', place.directory])
    try {
      await assert.rejects(
        SqliteDatastore.open(place.file, deps()),
        (error: { code: string; message: string }) => {
          assert.equal(error.code, 'ERR_DATASTORE_INVALID')
          assert.match(error.message, /cannot be opened; check the data directory/)
          return true
        },
      )
    } finally {
      execFileSync('umount', ['-l', place.directory])
    }
  })
})

describe('the files of a datastore', () => {
  it('are private to the user', async () => {
    await using place = await temporary()
    await using datastore = await SqliteDatastore.open(place.file, deps())
    await datastore.transaction(async (tx) => takeRevisions(tx))
    for (const name of await readdir(place.directory)) {
      assert.equal((await stat(path.join(place.directory, name))).mode & 0o777, 0o600, name)
    }
  })
})

describe('a database that is not ours', () => {
  it('is refused if a newer version has written it, and is not changed', async () => {
    await using place = await temporary()
    await (await SqliteDatastore.open(place.file, deps()))[Symbol.asyncDispose]()
    const connection = new DatabaseSync(place.file)
    connection.exec(`INSERT INTO schema_migrations (number, name, applied_ms) VALUES (99, 'future', 0)`)
    connection.close()
    await assert.rejects(
      SqliteDatastore.open(place.file, deps()),
      (error: { code: string; message: string }) => {
        assert.equal(error.code, 'ERR_DATASTORE_SCHEMA_TOO_NEW')
        assert.match(error.message, /schema 99, this program knows up to \d+/)
        return true
      },
    )
  })

  it('is refused if it is not a database', async () => {
    await using place = await temporary()
    await writeFile(place.file, 'x'.repeat(10_000))
    await assert.rejects(SqliteDatastore.open(place.file, deps()), { code: 'ERR_DATASTORE_INVALID' })
  })
})
