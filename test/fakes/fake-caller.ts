import { Peer } from '../../src/peer/peer.ts'
import { FakeKernel, type FakeProcess } from './fake-kernel.ts'

class CountingKernel extends FakeKernel {
  looks = 0

  override read(): ReturnType<FakeKernel['read']> {
    this.looks += 1
    return super.read()
  }
}

/** A fake connected process: its peer, and the kernel's view of it, which tests may change. */
interface FakeCaller {
  readonly peer: Peer
  readonly process: FakeProcess
  /** How often the kernel was queried since the process connected. */
  looks(): number
}

export function fakeCaller(facts: Partial<FakeProcess> = {}): FakeCaller {
  const kernel = new CountingKernel(facts)
  const peer = Peer.ofSocket(kernel, 0)
  const before = kernel.looks
  return { peer, process: kernel.process, looks: () => kernel.looks - before }
}
