import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { systemClock } from '../../src/foundation/clock.ts'
import { openState, temporaryDirectory } from '../support/authority-state.ts'

const WRITER = path.resolve(import.meta.dirname, '../support/authority-state-writer.ts')
const ROUNDS = 4

/** Runs a process that writes, kills it at a random moment, and returns what it was told is durable. */
async function writeUntilKilled(dataDir: string, round: number): Promise<Map<string, string[]>> {
  const child = spawn(process.execPath, [WRITER, dataDir, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const told = new Map<string, string[]>()
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    const [what = '', id = ''] = line.split(' ')
    told.set(what, [...(told.get(what) ?? []), id])
    if (what === 'ready') void setTimeout(50 + 300 * Math.random()).then(() => child.kill('SIGKILL'))
  })
  await Promise.all([once(child, 'exit'), once(lines, 'close')])
  assert.ok(told.has('ready'), 'the writer came up')
  return told
}

describe('an authority that is killed while it writes', () => {
  it('has everything that it reported as durable, and an intact chain, each time', async () => {
    await using place = await temporaryDirectory()
    const recorded = new Set<string>()
    const joined = new Set<string>()
    const renewed = new Set<string>()
    for (let round = 0; round < ROUNDS; round++) {
      const told = await writeUntilKilled(place.path, round)
      for (const ref of told.get('recorded') ?? []) recorded.add(ref)
      for (const id of told.get('joined') ?? []) joined.add(id)
      for (const id of told.get('renewed') ?? []) renewed.add(id)

      await using state = await openState({ dataDir: place.path, clock: systemClock })
      const { problems } = await state.audit.verify()
      assert.deepEqual(problems, [])
      const rows = await state.audit.list({})
      const refs = new Set(rows.map(({ ref }) => ref))
      for (const ref of recorded) assert.ok(refs.has(ref), `lost ${ref}`)
      const instances = new Map(state.bots.list().map((instance) => [instance.id, instance]))
      for (const id of joined) assert.ok(instances.has(id), `lost the instance ${id}`)
      for (const id of renewed)
        assert.equal(instances.get(id)?.generation, 1, 'a renewal follows the first use')
      const accepted = rows.filter(({ event }) => event === 'join.accepted').length
      assert.equal(accepted, instances.size, 'a join and its audit row come together or not at all')
      assert.deepEqual(state.locks.watch.value, [])
    }
    assert.ok(recorded.size > 0 && joined.size > 0 && renewed.size > 0)
  })
})
