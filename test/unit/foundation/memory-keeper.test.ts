import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryKeeper } from '../../../src/foundation/memory-keeper.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const MIB = 1024 * 1024

/** A process that holds memory, some of it in use. */
class Rig implements Disposable {
  readonly clock = new FakeClock()
  readonly done: string[] = []
  heldMiB = 50
  usedMiB = 40
  busy = 0
  mayYoungHeapGrow = false
  readonly #keeper: MemoryKeeper

  constructor() {
    this.#keeper = new MemoryKeeper({
      clock: this.clock,
      residentBytes: () => this.heldMiB * MIB,
      utilization: () => this.busy,
      collectGarbage: (thoroughly) => this.done.push(thoroughly ? 'collect thoroughly' : 'collect'),
      trim: () => {
        this.done.push('trim')
        this.heldMiB = this.usedMiB
      },
      youngHeap: {
        keep: () => {
          this.mayYoungHeapGrow = false
        },
        letGrow: () => {
          this.mayYoungHeapGrow = true
        },
      },
    })
  }

  /** What was done in the next five seconds. */
  next(): string[] {
    this.clock.advance(5_000)
    return this.done.splice(0)
  }

  /** Past what is given back after the start. */
  settle(): void {
    for (let look = 0; look < 8; look++) this.next()
  }

  [Symbol.dispose](): void {
    this.#keeper[Symbol.dispose]()
  }
}

describe('memory', () => {
  it('of startup is given back, garbage first, and once more at the next look', () => {
    using rig = new Rig()
    assert.deepEqual(rig.next(), ['collect thoroughly', 'trim'])
    assert.deepEqual(rig.next(), ['collect', 'trim'])
    assert.deepEqual(rig.next(), [])
  })

  it('is left alone until the process has grown', () => {
    using rig = new Rig()
    rig.settle()
    rig.heldMiB = 43
    assert.deepEqual([rig.next(), rig.next()], [[], []])
    rig.heldMiB = 44
    assert.deepEqual(rig.next(), ['collect', 'trim'])
  })

  it('is left alone while the process is busy, and until it has been idle for half a minute', () => {
    using rig = new Rig()
    rig.settle()
    Object.assign(rig, { heldMiB: 200, busy: 0.5 })
    assert.deepEqual(rig.next(), [])
    rig.busy = 0.04
    for (let look = 1; look < 6; look++) assert.deepEqual(rig.next(), [])
    rig.busy = 0.5
    assert.deepEqual(rig.next(), [])
    rig.busy = 0
    for (let look = 1; look < 6; look++) assert.deepEqual(rig.next(), [])
    assert.deepEqual(rig.next(), ['collect', 'trim'])
  })

  it('is collected again as long as that is worth it, because finalizers let go of more', () => {
    using rig = new Rig()
    rig.settle()
    rig.heldMiB = 200
    const held = [180, 120, 118, 118].map((usedMiB) => {
      rig.usedMiB = usedMiB
      return [rig.next().join(), rig.heldMiB]
    })
    assert.deepEqual(held, [
      ['collect,trim', 180],
      ['collect,trim', 120],
      ['collect,trim', 118],
      ['', 118],
    ])
  })

  it('is not collected again when work has begun meanwhile', () => {
    using rig = new Rig()
    rig.next()
    rig.busy = 0.5
    assert.deepEqual(rig.next(), [])
    rig.busy = 0
    assert.deepEqual([rig.next(), rig.next(), rig.next()], [[], [], []])
  })

  it('of a process that is always busy is trimmed once a minute, without collecting', () => {
    using rig = new Rig()
    rig.settle()
    Object.assign(rig, { heldMiB: 200, busy: 0.5 })
    const done = Array.from({ length: 24 }, () => {
      const did = rig.next()
      rig.heldMiB = 200
      return did.join()
    })
    assert.deepEqual(
      done.flatMap((did, n) => (did === '' ? [] : [`${n}: ${did}`])),
      ['11: trim', '23: trim'],
    )
    Object.assign(rig, { heldMiB: 60, busy: 0 })
    for (let look = 1; look < 6; look++) assert.deepEqual(rig.next(), [])
    assert.deepEqual(rig.next(), ['collect', 'trim'])
  })

  it('that is in use is not collected again and again', () => {
    using rig = new Rig()
    Object.assign(rig, { heldMiB: 100, usedMiB: 100 })
    rig.settle()
    assert.deepEqual([rig.next(), rig.next(), rig.next()], [[], [], []])
  })

  it('is left alone after disposal', () => {
    const rig = new Rig()
    rig[Symbol.dispose]()
    assert.deepEqual(rig.next(), [])
    assert.equal(rig.clock.waiting, 0)
  })

  it('of new objects may grow under hard work, until memory is given back', () => {
    using rig = new Rig()
    rig.settle()
    rig.busy = 0.3
    rig.next()
    assert.equal(rig.mayYoungHeapGrow, false)
    rig.busy = 0.9
    rig.next()
    assert.equal(rig.mayYoungHeapGrow, true)
    rig.busy = 0
    rig.heldMiB = 100
    while (!rig.next().includes('collect')) assert.equal(rig.mayYoungHeapGrow, true)
    assert.equal(rig.mayYoungHeapGrow, false)
  })
})
