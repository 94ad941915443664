import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryKeeper, type OwnMemory } from '../../../src/foundation/memory-keeper.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const MIB = 1024 * 1024

class FakeMemory implements OwnMemory {
  resident = 80 * MIB
  busyMs = 0
  givenBack = 0
  /** What stays when garbage is gone. */
  used = 80 * MIB

  residentBytes(): number {
    return this.resident
  }

  cpuMs(): number {
    return this.busyMs
  }

  giveBack(): void {
    this.givenBack += 1
    this.resident = this.used
  }
}

function started() {
  const [clock, memory] = [new FakeClock(), new FakeMemory()]
  const keeper = new MemoryKeeper(clock, memory)
  clock.advance(5_000)
  return { clock, memory, keeper }
}

describe('MemoryKeeper', () => {
  it('gives memory back when the work is over for which it was taken, and not before', () => {
    const { clock, memory } = started()
    memory.resident = 300 * MIB
    memory.busyMs += 4_000
    clock.advance(5_000)
    assert.equal(memory.givenBack, 0)
    clock.advance(5_000)
    assert.equal(memory.givenBack, 1)
  })

  it('does nothing for little, and nothing again for what cannot be given back', () => {
    const { clock, memory } = started()
    memory.resident += 20 * MIB
    clock.advance(50_000)
    assert.equal(memory.givenBack, 0)
    memory.used = 200 * MIB // connections that stay
    memory.resident = 230 * MIB
    clock.advance(50_000)
    assert.equal(memory.givenBack, 1)
  })

  it('stops when it is disposed', () => {
    const { clock, memory, keeper } = started()
    memory.resident = 300 * MIB
    keeper[Symbol.dispose]()
    clock.advance(50_000)
    assert.equal(memory.givenBack, 0)
  })
})
