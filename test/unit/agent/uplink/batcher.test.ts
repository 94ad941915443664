import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Batcher } from '../../../../src/agent/uplink/batcher.ts'
import { RpcError, StatusCode } from '../../../../src/rpc/status.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

type Call<Req, Res> = (requests: readonly Req[]) => Promise<readonly (Res | Error)[]>

/** With its own clock, which the test advances. */
function batcherOf<Req, Res>(call: Call<Req, Res>, clock = new FakeClock()): Batcher<Req, Res> {
  return new Batcher({ call, clock, maxOfUser: 20_000, batchSize: 256 })
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await turn()
}
const [FEW, FLOOD] = [1000, 1001]

describe('Batcher', () => {
  it('sends the requests of one turn in one call, and gives each its own answer', async () => {
    const calls: (readonly number[])[] = []
    const batcher = batcherOf<number, string>(async (requests) => {
      calls.push(requests)
      return requests.map((n) => `answer ${n}`)
    })
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => batcher.ask(n, FEW))), [
      'answer 1',
      'answer 2',
      'answer 3',
    ])
    assert.deepEqual(calls, [[1, 2, 3]])
  })

  it('sends at most 256 in one call', async () => {
    const sizes: number[] = []
    const batcher = batcherOf<number, number>(async (requests) => {
      sizes.push(requests.length)
      return requests
    })
    await Promise.all(Array.from({ length: 600 }, (_, n) => batcher.ask(n, FEW)))
    assert.deepEqual(sizes, [256, 256, 88])
  })

  it('keeps up to four calls in flight, starts another only when it is worth it, and gathers what arrives meanwhile', async () => {
    const calls: { readonly size: number; readonly end: () => void }[] = []
    const sizes = (): number[] => calls.map(({ size }) => size)
    const batcher = batcherOf<number, number>(
      (requests) =>
        new Promise((resolve) => calls.push({ size: requests.length, end: () => resolve(requests) })),
    )
    const answers: Promise<number>[] = []
    for (let n = 0; n < 40; n += 1) {
      answers.push(batcher.ask(n, FEW))
      await turn()
    }
    assert.deepEqual(sizes(), [1, 4, 8, 12])
    calls[0]?.end()
    await answers[0]
    await turn()
    assert.deepEqual(sizes(), [1, 4, 8, 12, 15])
    for (const { end } of calls) end()
    assert.equal((await Promise.all(answers)).length, 40)
  })

  it('sends what waits as soon as no other call is in flight, however little it is', async () => {
    const ends: (() => void)[] = []
    const batcher = batcherOf<number, number>(
      (requests) => new Promise((resolve) => ends.push(() => resolve(requests))),
    )
    const answers = [batcher.ask(1, FEW)]
    await turn()
    answers.push(batcher.ask(2, FEW))
    await turn()
    assert.equal(ends.length, 1)
    ends[0]?.()
    await answers[0]
    await turn()
    ends[1]?.()
    assert.deepEqual(await Promise.all(answers), [1, 2])
  })

  it('fails one without the others, and all when the call fails', async () => {
    const batcher = batcherOf<number, number>(async (requests) => {
      if (requests.includes(99)) throw new RangeError('no call')
      return requests.map((n) => (n === 2 ? new RangeError('not two') : n))
    })
    const [one, two] = await Promise.allSettled([batcher.ask(1, FEW), batcher.ask(2, FEW)])
    assert.equal(one.status, 'fulfilled')
    assert.equal(two.status, 'rejected')
    await assert.rejects(batcher.ask(99, FEW), /no call/)
    assert.equal(await batcher.ask(3, FEW), 3)
  })

  it('gives every user a place in each batch, however many another has waiting', async () => {
    const calls: (readonly number[])[] = []
    const batcher = batcherOf<number, number>(async (requests) => {
      calls.push(requests)
      return requests
    })
    for (let n = 0; n < 2_000; n++) void batcher.ask(n, FLOOD)
    void batcher.ask(-1, FEW)
    assert.equal(calls.length, 0)
    await turns(2)
    assert.ok(calls[0]?.slice(0, 2).includes(-1))
  })

  it('hands answers out to the users in turn, and not all in one turn of the loop', async () => {
    const batcher = batcherOf<number, number>(async (requests) => requests)
    const got: number[] = []
    for (let n = 0; n < 200; n++) void batcher.ask(n, FLOOD).then((answer) => got.push(answer))
    void batcher.ask(-1, FEW).then((answer) => got.push(answer))
    while (got.length === 0) await turn()
    assert.ok(got.length < 100, `${got.length} at once`)
    assert.ok(got.includes(-1))
    while (got.length < 201) await turn()
  })

  it('refuses the user who has most waiting when too many wait', async () => {
    const batcher = batcherOf<number, number>(() => new Promise(() => undefined))
    const refused: unknown[] = []
    const [most, flooders] = [32_768, 3]
    for (let n = 0; n <= most; n++) {
      batcher.ask(n, FLOOD + (n % flooders)).catch((error: unknown) => refused.push(error))
    }
    let isRefused = false
    batcher.ask(-1, FEW).catch(() => {
      isRefused = true
    })
    await turn()
    assert.equal(refused.length, 2)
    assert.equal((refused[0] as { code: string }).code, 'ERR_AGENT_TOO_MANY_WAITING')
    assert.equal(isRefused, false)
  })

  it('refuses immediately what one user requests beyond its own limit', async () => {
    const batcher = batcherOf<number, number>(() => new Promise(() => undefined))
    for (let n = 0; n < 20_000; n++) batcher.ask(n, FLOOD).catch(() => undefined)
    await assert.rejects(batcher.ask(20_000, FLOOD), { code: 'ERR_AGENT_TOO_MANY_WAITING' })
  })

  it('retries in smaller batches what the authority has no room for', async () => {
    const clock = new FakeClock()
    const sizes: number[] = []
    let room = 0
    const batcher = batcherOf<number, number>(async (requests) => {
      sizes.push(requests.length)
      if (requests.length > room) throw new RpcError(StatusCode.RESOURCE_EXHAUSTED, 'try again later')
      room -= requests.length
      return requests
    }, clock)
    const got: number[] = []
    for (let n = 0; n < 8; n++) void batcher.ask(n, FLOOD).then((answer) => got.push(answer))
    void batcher.ask(-1, FEW).then((answer) => got.push(answer))
    await turns(3)
    assert.deepEqual(sizes, [9])
    room = 4
    clock.advance(250)
    await turns(12)
    assert.deepEqual(sizes.slice(0, 2), [9, 4])
    assert.deepEqual(got.slice(0, 2).toSorted(), [-1, 0], 'each user gets a turn')
    assert.deepEqual(got.length, 4)
    room = 100
    clock.advance(250)
    await turns(12)
    assert.equal(got.length, 9)
  })

  it('reports it to the caller when the authority never has room', async () => {
    const clock = new FakeClock()
    const batcher = batcherOf<number, number>(async () => {
      throw new RpcError(StatusCode.RESOURCE_EXHAUSTED, 'try again later')
    }, clock)
    let error: unknown
    batcher.ask(1, FEW).catch((reason: unknown) => {
      error = reason
    })
    for (let n = 0; n < 50; n++) {
      clock.advance(250)
      await turns(2)
    }
    assert.equal((error as RpcError).status, StatusCode.RESOURCE_EXHAUSTED)
  })
})
