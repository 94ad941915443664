import assert from 'node:assert/strict'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { findHeads } from '../../src/cli/commands/audit/heads.ts'
import { createLogger } from '../../src/foundation/logger.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { openState, temporaryDirectory } from '../support/authority-state.ts'

/** An authority's state, with the log that its host keeps. */
async function fixture() {
  const place = await temporaryDirectory()
  const clock = new FakeClock()
  const log: string[] = []
  const logger = createLogger({ destination: { write: (line) => void log.push(line) } })
  const dataDir = path.join(place.path, 'data')
  await mkdir(dataDir)
  const open = () => openState({ dataDir, clock, logger })
  const write = async (count: number): Promise<number> => {
    await using state = await open()
    for (let n = 0; n < count; n++) {
      clock.advance(5000)
      await state.audit.record('authority.stopped', 'uid:0', { reason: String(n) })
    }
    return state.audit.lastSequence
  }
  const logged = (): string[] => log.flatMap((line) => findHeads(line).map((head) => JSON.stringify(head)))
  const heads = path.join(dataDir, 'audit-heads.jsonl')
  const problems = async (given: readonly string[]) => {
    await using state = await open()
    return (await state.audit.verify(given)).problems.join('\n')
  }
  return {
    place,
    dataDir,
    heads,
    open,
    write,
    logged,
    problems,
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}

describe('heads in the host’s log', () => {
  it('are those of the file, and their numbers continue over restarts', async () => {
    await using fixed = await fixture()
    await fixed.write(3)
    await fixed.write(3)
    const inFile = (await readFile(fixed.heads, 'utf8')).trimEnd().split('\n')
    assert.deepEqual(inFile.slice(1), fixed.logged())
    assert.deepEqual(
      inFile.map((line) => JSON.parse(line).counter),
      inFile.map((_, index) => index + 1),
    )
    await using state = await fixed.open()
    const { intact, headsGiven, lastHead } = await state.audit.verify(fixed.logged())
    assert.deepEqual([intact, headsGiven], [true, inFile.length - 1])
    assert.equal(JSON.parse(lastHead ?? '').key_id, JSON.parse(inFile[0] ?? '').key_id)
  })

  it('reveal that the tail of the audit log was cut together with the end of the heads file', async () => {
    await using fixed = await fixture()
    await fixed.write(3)
    const before = (await readFile(fixed.heads, 'utf8')).trimEnd().split('\n')
    await fixed.write(3)
    const { sequence } = JSON.parse(before.at(-1) ?? '')
    const db = new DatabaseSync(path.join(fixed.dataDir, 'authority.db'))
    db.exec(`DELETE FROM audit_events WHERE sequence > ${sequence}`)
    db.close()
    await writeFile(fixed.heads, `${before.join('\n')}\n`)
    const found = await fixed.problems(fixed.logged())
    assert.match(found, /head \d+ was signed twice: an older copy of the data directory was restored/)
    assert.match(found, /the log ends at row \d+, but the head signed at [\dT:-]{19}Z covers row \d+/)
  })

  it('reveal that an older copy of the whole directory was restored, also after it has grown', async () => {
    await using fixed = await fixture()
    await fixed.write(3)
    const copy = path.join(fixed.place.path, 'copy')
    await cp(fixed.dataDir, copy, { recursive: true })
    await fixed.write(3)
    const logged = fixed.logged()
    await cp(copy, fixed.dataDir, { recursive: true, force: true })
    await fixed.write(8)
    assert.equal(await fixed.problems([]), '')
    const found = await fixed.problems(logged)
    assert.match(found, /head \d+ was signed twice: an older copy of the data directory was restored/)
    assert.match(found, /row \d+ is not the one that the head signed at [\dT:-]{19}Z covers/)
  })

  it('are distinguished from heads of another authority and from forged ones', async () => {
    await using fixed = await fixture()
    await using other = await fixture()
    await fixed.write(2)
    await other.write(2)
    assert.match(
      await fixed.problems(other.logged()),
      /signed by the key [0-9a-f]{16}, this authority signs with [0-9a-f]{16}/,
    )
    const [head = ''] = fixed.logged()
    const forged = JSON.stringify({ ...JSON.parse(head), sequence: 99 })
    assert.equal(await fixed.problems([forged]), '1 of the heads given are not signed by this authority')
  })
})
