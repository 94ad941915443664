import assert from 'node:assert/strict'
import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { CHAIN_START, hashRow } from '../../src/authority/audit/chain.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { type AuthorityState, openState, temporaryDirectory } from '../support/authority-state.ts'

async function fixture() {
  const place = await temporaryDirectory()
  const clock = new FakeClock()
  const reopen = () => openState({ dataDir: place.path, clock })
  const heads = path.join(place.path, 'audit-heads.jsonl')
  /** Changes the database while no authority runs, as with a shell. */
  const tamper = (sql: string) => {
    const db = new DatabaseSync(path.join(place.path, 'authority.db'))
    db.exec(sql)
    db.close()
  }
  return { place, clock, reopen, heads, tamper, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() }
}

const stop = (state: AuthorityState, reason: string, ref?: string) =>
  state.audit.record('authority.stopped', 'uid:0', { reason }, ref)

async function writeSome(fixed: Awaited<ReturnType<typeof fixture>>, count: number): Promise<number> {
  await using state = await fixed.reopen()
  for (let n = 0; n < count; n++) await stop(state, String(n))
  return state.audit.lastSequence
}

describe('AuditLog.verify', () => {
  it('finds nothing wrong with a log over several starts', async () => {
    await using fixed = await fixture()
    await writeSome(fixed, 5)
    const rows = await writeSome(fixed, 5)
    await using state = await fixed.reopen()
    const { intact, events, heads, problems } = await state.audit.verify()
    assert.deepEqual({ intact, events, problems }, { intact: true, events: rows, problems: [] })
    assert.ok(heads >= 2)
  })

  it('finds a row that was changed by hand', async () => {
    await using fixed = await fixture()
    const rows = await writeSome(fixed, 5)
    fixed.tamper(`UPDATE audit_events SET actor = 'uid:1000' WHERE sequence = ${rows - 2}`)
    await using state = await fixed.reopen()
    assert.deepEqual((await state.audit.verify()).problems, [
      `row ${rows - 2} (authority.stopped) was changed`,
    ])
  })

  it('finds a cut tail, and reports it at the next start', async () => {
    await using fixed = await fixture()
    const rows = await writeSome(fixed, 5)
    fixed.tamper(`DELETE FROM audit_events WHERE sequence > ${rows - 2}`)
    await using state = await fixed.reopen()
    const [row] = await state.audit.list({ events: ['audit.gap_found'] })
    assert.deepEqual(JSON.parse(row?.detailJson ?? '{}'), {
      signedSequence: rows,
      lastSequence: rows - 2,
      problem:
        'the database ends before the last signed head: its tail was cut, or an older database was restored',
    })
    const { problems } = await state.audit.verify()
    assert.match(problems.join('\n'), /the tail was cut|rewritten/)
  })

  it('finds a cut tail also after new rows were appended', async () => {
    await using fixed = await fixture()
    const rows = await writeSome(fixed, 5)
    fixed.tamper(`DELETE FROM audit_events WHERE sequence > ${rows - 2}`)
    await writeSome(fixed, 9)
    await using state = await fixed.reopen()
    const { problems } = await state.audit.verify()
    assert.match(
      problems.join('\n'),
      new RegExp(`row ${rows} is not the one that the head signed at [\\dT:-]{19}Z covers`),
    )
  })

  it('finds a chain that was recomputed after a changed row', async () => {
    await using fixed = await fixture()
    await writeSome(fixed, 5)
    const db = new DatabaseSync(path.join(fixed.place.path, 'authority.db'))
    db.exec(`UPDATE audit_events SET actor = 'uid:1000' WHERE sequence = 3`)
    let previous: Uint8Array = CHAIN_START
    for (const row of db.prepare('SELECT * FROM audit_events ORDER BY sequence').all()) {
      previous = hashRow(previous, row as never)
      db.prepare('UPDATE audit_events SET hash = ? WHERE sequence = ?').run(
        previous,
        row['sequence'] as number,
      )
    }
    db.close()
    await using state = await fixed.reopen()
    const { problems } = await state.audit.verify()
    assert.match(
      problems[0] ?? '',
      /is not the one that the head signed at [\dT:-]{19}Z covers: the rows up to it were rewritten/,
    )
  })

  it('finds a forged head', async () => {
    await using fixed = await fixture()
    const rows = await writeSome(fixed, 5)
    const lines = (await readFile(fixed.heads, 'utf8')).trimEnd().split('\n')
    const head = JSON.parse(lines.at(-1) ?? '')
    lines[lines.length - 1] = JSON.stringify({ ...head, sequence: rows - 1 })
    await writeFile(fixed.heads, `${lines.join('\n')}\n`)
    await using state = await fixed.reopen()
    const { problems } = await state.audit.verify()
    assert.ok(
      problems.includes(
        `line ${lines.length} of the heads file is not a head that this authority signed there`,
      ),
    )
  })

  it('finds that a head was removed from the middle', async () => {
    await using fixed = await fixture()
    for (let start = 0; start < 3; start++) await writeSome(fixed, 2)
    const lines = (await readFile(fixed.heads, 'utf8')).trimEnd().split('\n')
    assert.ok(lines.length >= 3)
    await writeFile(fixed.heads, `${lines.toSpliced(1, 1).join('\n')}\n`)
    await using state = await fixed.reopen()
    assert.deepEqual((await state.audit.verify()).problems, [
      'line 2 of the heads file is not a head that this authority signed there',
    ])
  })

  it('finds that the head key was replaced', async () => {
    await using fixed = await fixture()
    await writeSome(fixed, 2)
    await rm(path.join(fixed.place.path, 'audit-head.key'))
    await using state = await fixed.reopen()
    assert.match(
      (await state.audit.verify()).problems.join('\n'),
      /line 1 of the heads file(.|\n)*key that signed/,
    )
  })

  it('finds that the heads file was emptied or removed', async () => {
    await using fixed = await fixture()
    const rows = await writeSome(fixed, 5)
    fixed.tamper(`DELETE FROM audit_events WHERE sequence > ${rows - 2}`)
    await rm(fixed.heads)
    await writeSome(fixed, 1)
    await using state = await fixed.reopen()
    assert.deepEqual((await state.audit.verify()).problems, [
      `at row ${rows - 1} the authority found: the heads file is missing or empty`,
      `at row ${rows} the authority found: the end of the audit log was cut off or changed from outside`,
    ])
  })

  it('continues after a head that a crash left incomplete', async () => {
    await using fixed = await fixture()
    await writeSome(fixed, 2)
    const text = await readFile(fixed.heads)
    await writeFile(fixed.heads, Buffer.concat([text, Buffer.from('{"v":1,"sequ')]))
    await writeSome(fixed, 2)
    await truncate(fixed.heads, (await readFile(fixed.heads)).length)
    await using state = await fixed.reopen()
    assert.equal((await state.audit.verify()).intact, true)
  })

  it('does not start with a head key that another key-encryption key sealed', async () => {
    await using fixed = await fixture()
    await writeSome(fixed, 1)
    await writeFile(path.join(fixed.place.path, 'audit-head.key'), 'garbage')
    await assert.rejects(fixed.reopen(), { code: 'ERR_AUDIT_HEADS_INVALID' })
  })
})

describe('heads', () => {
  it('are signed some seconds after new rows, and only then', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    const count = async () => (await readFile(fixed.heads, 'utf8')).split('\n').length - 1
    fixed.clock.advance(5000)
    await state.audit.verify()
    const before = await count()
    fixed.clock.advance(60_000)
    await state.audit.verify()
    assert.equal(await count(), before)
    await stop(state, 'x')
    fixed.clock.advance(5000)
    await state.audit.verify()
    assert.equal(await count(), before + 1)
  })
})

describe('AuditLog.list', () => {
  it('filters by name, prefix, reference, time and number, oldest first', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    await stop(state, 'one', 'AAAA-AAAA')
    fixed.clock.advance(1000)
    await stop(state, 'two')
    await stop(state, 'three')
    const reasons = async (filter: Parameters<typeof state.audit.list>[0]) =>
      (await state.audit.list(filter)).map(({ detailJson }) => JSON.parse(detailJson).reason)
    assert.deepEqual(await reasons({ events: ['authority.stopped'] }), ['one', 'two', 'three'])
    assert.deepEqual(await reasons({ events: ['authority.*'], limit: 2 }), ['two', 'three'])
    assert.deepEqual(await reasons({ ref: 'AAAA-AAAA' }), ['one'])
    assert.deepEqual(await reasons({ events: ['authority.*'], sinceMs: fixed.clock.now().getTime() }), [
      'two',
      'three',
    ])
    assert.deepEqual(await reasons({ events: ['authority'] }), [])
    assert.deepEqual(await reasons({ events: ['%'] }), [])
  })
})

describe('AuditLog.follow', () => {
  it('yields every new matching row once, until it is stopped', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    await stop(state, 'before')
    const stopping = new AbortController()
    const seen: string[] = []
    const reading = (async () => {
      for await (const row of state.audit.follow(stopping.signal, { events: ['authority.*'] })) {
        seen.push(JSON.parse(row.detailJson).reason)
        if (seen.length === 1200) stopping.abort()
      }
    })()
    await Promise.all(Array.from({ length: 1200 }, (_, n) => stop(state, String(n))))
    await state.audit.record('authority.started', 'authority', { version: '', trustDomain: '', pin: '' })
    await reading
    assert.deepEqual(
      seen,
      Array.from({ length: 1200 }, (_, n) => String(n)),
    )
  })
})

describe('AuditLog.within', () => {
  it('stores the row together with the change, or neither', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    const before = state.audit.lastSequence
    const failing = state.datastore.transaction(async (tx) => {
      state.audit.within(tx, 'authority.stopped', 'uid:0', { reason: 'never' })
      await state.resources.put(tx, { kind: 'bot', name: 'a', metadata: { labels: {} }, spec: {} })
      throw new TypeError('on purpose')
    })
    await assert.rejects(failing, TypeError)
    assert.equal(state.audit.lastSequence, before)
    assert.equal(await state.resources.get('bot', 'a'), undefined)
  })
})

describe('AuditLog.newReference', () => {
  it('is short and unique', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    const references = Array.from({ length: 1000 }, () => state.audit.newReference())
    for (const reference of references)
      assert.match(reference, /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/)
    assert.equal(new Set(references).size, 1000)
  })
})
