import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import { readArchive } from '../../src/authority/audit/archive/archive-file.ts'
import { coverageOf, verifyArchive } from '../../src/authority/audit/archive/verify-archive.ts'
import { importEd25519 } from '../../src/crypto/keys.ts'
import { systemClock } from '../../src/foundation/clock.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { type AuthorityState, openState, temporaryDirectory } from '../support/authority-state.ts'

const WRITER = path.resolve(import.meta.dirname, '../support/authority-state-writer.ts')
const HOUR_MS = 3_600_000

async function fixture() {
  const place = await temporaryDirectory()
  const clock = new FakeClock()
  const reopen = () => openState({ dataDir: place.path, clock })
  const database = path.join(place.path, 'authority.db')
  /** Changes the database while no authority runs. */
  const tamper = (sql: string) => {
    const db = new DatabaseSync(database)
    db.exec(sql)
    db.close()
  }
  /** Writes rows, then lets an hour pass. */
  const write = async (state: AuthorityState, count: number) => {
    const reason = 'x'.repeat(2_000)
    const entries = Array.from({ length: count }, () => ({
      event: 'authority.stopped' as const,
      actor: 'uid:0',
      detail: { reason },
    }))
    await state.audit.recordAll(entries)
    clock.advance(HOUR_MS)
  }
  const archive = (state: AuthorityState) => state.audit.archive(clock.now().getTime(), 'uid:0')
  const size = async () => (await stat(database)).size
  return {
    place,
    clock,
    reopen,
    tamper,
    write,
    archive,
    size,
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}

async function verified(state: AuthorityState, files: readonly string[]) {
  const { problems, signedInArchives, events } = await state.audit.verify()
  const key = importEd25519(state.audit.publicKeyDer)
  const archives = await Promise.all(files.map((file) => verifyArchive(file, signedInArchives, key)))
  const { checkpoint } = state.audit
  const base = checkpoint
    ? { sequence: checkpoint.last, hash: checkpoint.hash }
    : { sequence: 0, hash: Buffer.alloc(32) }
  const covered = coverageOf(archives, base)
  const inArchives = archives.reduce((sum, each) => sum + each.events, 0)
  return {
    problems: [...problems, ...archives.flatMap((each) => each.problems), ...covered.problems],
    absent: covered.absent,
    events: events + inArchives,
  }
}

describe('an archive of the audit log', () => {
  it('moves old events out of the database, which shrinks; together they are still the whole log', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    await fixed.write(state, 3_000)
    const before = await fixed.size()
    const first = await fixed.archive(state)
    assert.equal(first.checkpoint.first, 1)
    assert.deepEqual(first.space.shrinks, true)
    assert.ok(first.freedBytes > 5_000_000 && (await fixed.size()) < before - 5_000_000)
    assert.ok(first.bytes < first.freedBytes / 10)
    assert.equal((await stat(first.file)).mode & 0o777, 0o600)
    const [row, ...others] = await state.audit.list()
    assert.deepEqual([row?.event, row?.sequence, others], ['audit.archived', first.checkpoint.last + 1, []])
    assert.deepEqual(await verified(state, []), {
      problems: [],
      absent: [`1 to ${first.checkpoint.last}`],
      events: 1,
    })
    await fixed.write(state, 10)
    const second = await fixed.archive(state)
    const files = [second.file, first.file]
    const { lastSequence } = state.audit
    assert.deepEqual(await verified(state, files), { problems: [], absent: [], events: lastSequence })
    assert.deepEqual((await verified(state, [second.file])).absent, [`1 to ${first.checkpoint.last}`])
  })

  it('is the base from which a restart continues', async () => {
    await using fixed = await fixture()
    let file = ''
    {
      await using state = await fixed.reopen()
      await fixed.write(state, 20)
      file = (await fixed.archive(state)).file
    }
    await using state = await fixed.reopen()
    await fixed.write(state, 5)
    assert.deepEqual(await state.audit.list({ events: ['audit.gap_found'] }), [])
    const { problems, absent } = await verified(state, [file])
    assert.deepEqual([problems, absent], [[], []])
  })

  it('contains only older events, and is refused if there are none', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    await fixed.write(state, 7)
    const since = fixed.clock.now().getTime()
    await fixed.write(state, 5)
    const { file, checkpoint } = await state.audit.archive(since, 'uid:0')
    const rows: number[] = []
    for await (const line of readArchive(file)) if ('row' in line) rows.push(line.row.sequence)
    assert.deepEqual(
      rows,
      Array.from({ length: checkpoint.last }, (_, n) => n + 1),
    )
    assert.equal((await state.audit.list()).length, 6)
    await assert.rejects(state.audit.archive(since, 'uid:0'), { code: 'ERR_AUDIT_ARCHIVE_REFUSED' })
  })

  it('removes nothing if it cannot be written', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    await fixed.write(state, 7)
    const blocked = path.join(fixed.place.path, 'blocked')
    await writeFile(blocked, '')
    const before = (await state.audit.list()).length
    const attempt = state.audit.archive(fixed.clock.now().getTime(), 'uid:0', path.join(blocked, 'x'))
    await assert.rejects(attempt, { code: 'ERR_FILE_WRITE' })
    assert.equal((await state.audit.list()).length, before)
  })
})

describe('a file of an archive', () => {
  it('is never overwritten', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    await fixed.write(state, 5)
    const shared = path.join(fixed.place.path, 'shared')
    const first = await state.audit.archive(fixed.clock.now().getTime(), 'uid:0', shared)
    const inTheWay = first.file.replace(/-\d+-\d+\.jsonl/, () => {
      const [from, to] = [first.checkpoint.last + 1, first.checkpoint.last + 1]
      return `-${String(from).padStart(12, '0')}-${String(to).padStart(12, '0')}.jsonl`
    })
    await writeFile(inTheWay, 'of somebody else')
    fixed.clock.advance(HOUR_MS)
    const second = await state.audit.archive(fixed.clock.now().getTime(), 'uid:0', shared)
    assert.equal(await readFile(inTheWay, 'utf8'), 'of somebody else')
    assert.notEqual(second.file, inTheWay)
    assert.deepEqual((await readdir(shared)).length, 3)
    assert.deepEqual((await verified(state, [first.file, second.file])).absent, [])
  })
})

describe('an archive that was tampered with', () => {
  const changes: readonly (readonly [string, (lines: string[]) => string[], RegExp])[] = [
    [
      'a changed row',
      (lines) => lines.with(-3, lines.at(-3)?.replace('uid:0', 'uid:1') ?? ''),
      /row \d+ .* was changed/,
    ],
    ['a row less', (lines) => lines.toSpliced(3, 1), /row 3 is missing/],
    ['no last row', (lines) => lines.toSpliced(-2, 1), /does not end with the row/],
    [
      'another checkpoint',
      (lines) => [...lines.slice(0, -1), lines.at(-1)?.replace(/"events":\d+/, '"events":1') ?? ''],
      /checkpoint is not one that this authority has signed/,
    ],
  ]
  for (const [what, change, problem] of changes) {
    it(`with ${what} is detected`, async () => {
      await using fixed = await fixture()
      await using state = await fixed.reopen()
      await fixed.write(state, 5)
      const { file } = await fixed.archive(state)
      const lines = gunzipSync(await readFile(file))
        .toString()
        .trimEnd()
        .split('\n')
      await writeFile(file, gzipSync(`${change(lines).join('\n')}\n`))
      const { problems } = await verified(state, [file])
      assert.match(problems.join('\n'), problem)
    })
  }

  for (const [what, cut] of [
    ['cut', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['no archive', () => Buffer.from('hello')],
    ['something else that is compressed', () => gzipSync('{"a":1}\n')],
    [
      'without its last line',
      (bytes: Buffer) => gzipSync(`${gunzipSync(bytes).toString().split('\n').slice(0, -2).join('\n')}\n`),
    ],
  ] as const) {
    it(`or is ${what} is reported as incomplete`, async () => {
      await using fixed = await fixture()
      await using state = await fixed.reopen()
      await fixed.write(state, 5)
      const { file } = await fixed.archive(state)
      await writeFile(file, cut(await readFile(file)))
      await assert.rejects(verified(state, [file]), { code: 'ERR_AUDIT_ARCHIVE_INVALID' })
    })
  }
})

describe('archiving', () => {
  it('does not hide earlier problems with the events', async () => {
    await using fixed = await fixture()
    {
      await using state = await fixed.reopen()
      await fixed.write(state, 20)
    }
    fixed.tamper("UPDATE audit_events SET actor = 'uid:1000' WHERE sequence = 12")
    await using state = await fixed.reopen()
    const { file, checkpoint } = await fixed.archive(state)
    assert.deepEqual(checkpoint.problems, ['row 12 (authority.stopped) was changed'])
    const { problems } = await state.audit.verify()
    assert.match(problems.join('\n'), /when rows 1 to \d+ were archived: row 12 .* was changed/)
    assert.match((await verified(state, [file])).problems.join('\n'), /^row 12 .* was changed$/m)
  })

  it('cannot be used to remove rows: without a signed checkpoint they are missing', async () => {
    await using fixed = await fixture()
    {
      await using state = await fixed.reopen()
      await fixed.write(state, 20)
      await fixed.archive(state)
      await fixed.write(state, 20)
    }
    fixed.tamper('DELETE FROM audit_events WHERE sequence < 40')
    await using state = await fixed.reopen()
    assert.match((await state.audit.verify()).problems.join('\n'), /rows \d+ to 39 are missing/)
  })
})

describe('an authority that is killed while it archives', () => {
  it('has every event in the database or in an archive, each time', async () => {
    await using place = await temporaryDirectory()
    const told = new Set<string>()
    let archived = 0
    for (let round = 0; round < 2; round++) {
      const child = spawn(process.execPath, [WRITER, place.path, String(round), 'archive'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let said = ''
      let isDoomed = false
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        // Usually in the middle of the next archive.
        if (!isDoomed && said.includes('archived ')) {
          isDoomed = true
          void setTimeout(150 * Math.random()).then(() => child.kill('SIGKILL'))
        }
      })
      await once(child, 'close')
      for (const [, ref = ''] of said.matchAll(/^recorded (\S+)$/gm)) told.add(ref)
      archived += [...said.matchAll(/^archived /gm)].length

      await using state = await openState({ dataDir: place.path, clock: systemClock })
      const directory = path.join(place.path, 'audit-archives')
      const names = (await readdir(directory)).filter((name) => name.endsWith('.gz'))
      const files = names.map((name) => path.join(directory, name))
      const { problems, absent } = await verified(state, files)
      assert.deepEqual([problems, absent], [[], []])
      const found = new Set((await state.audit.list()).map(({ ref }) => ref))
      for (const file of files)
        for await (const line of readArchive(file)) if ('row' in line) found.add(line.row.ref ?? undefined)
      for (const ref of told) assert.ok(found.has(ref), `lost ${ref}`)
    }
    assert.ok(told.size > 0 && archived > 0)
  })
})
