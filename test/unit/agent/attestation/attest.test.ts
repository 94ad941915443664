import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Attestation } from '../../../../src/agent/attestation/attest.ts'
import type { WorkloadAttestor } from '../../../../src/agent/attestation/attestor.ts'
import { fakeCaller } from '../../../fakes/fake-caller.ts'

const NOTHING: ReadonlySet<string> = new Set()

interface Counting extends WorkloadAttestor {
  asked: number
  currentEdition: number
}

function attestor(overrides: Partial<WorkloadAttestor> = {}): Counting {
  const made: Counting = {
    name: 'unix',
    asked: 0,
    currentEdition: 0,
    edition: () => made.currentEdition,
    attest: () => {
      made.asked += 1
      return { uid: 1000 }
    },
    ...overrides,
  }
  return made
}

describe('Attestation', () => {
  it('answers immediately, with a tree under `workload`', () => {
    const attestation = new Attestation({ attestors: [attestor()] })
    assert.deepEqual(attestation.attest(fakeCaller().peer, NOTHING), { workload: { unix: { uid: 1000 } } })
  })

  it('reads the facts of a connection once, and checks at every use that the process is the same', () => {
    const unix = attestor()
    const caller = fakeCaller()
    const attestation = new Attestation({ attestors: [unix] })
    const first = attestation.attest(caller.peer, NOTHING)
    const looks = caller.looks()
    assert.equal(attestation.attest(caller.peer, NOTHING), first)
    assert.equal(unix.asked, 1)
    assert.equal(caller.looks(), looks + 1)
  })

  it("reads again when the attestor's edition has changed", () => {
    const unix = attestor()
    const { peer } = fakeCaller()
    const attestation = new Attestation({ attestors: [unix] })
    void attestation.attest(peer, NOTHING)
    unix.currentEdition = 1
    void attestation.attest(peer, NOTHING)
    assert.equal(unix.asked, 2)
  })

  it('refuses a caller that exits while its facts are read', () => {
    const caller = fakeCaller()
    const unix = attestor({
      attest: () => {
        caller.process.exited = true
        return { uid: 1000 }
      },
    })
    const attestation = new Attestation({ attestors: [unix] })
    assert.throws(() => attestation.attest(caller.peer, NOTHING), {
      code: 'ERR_PROCESS_CHANGED',
      reason: 'exited',
      publicMessage: 'workload attestation failed',
    })
  })

  it('refuses a caller that has run another program since it was attested', () => {
    const caller = fakeCaller()
    const attestation = new Attestation({ attestors: [attestor()] })
    void attestation.attest(caller.peer, NOTHING)
    caller.process.executable = { device: 1n, inode: 3n }
    assert.throws(() => attestation.attest(caller.peer, NOTHING), { code: 'ERR_PROCESS_CHANGED' })
  })

  it('refuses a caller that changes while it waits for a slow fact', async () => {
    const caller = fakeCaller()
    const slow = Promise.withResolvers<{ uid: number }>()
    const attestation = new Attestation({ attestors: [attestor({ attest: () => slow.promise })] })
    const answer = attestation.attest(caller.peer, NOTHING)
    caller.process.uid = 0
    slow.resolve({ uid: 1000 })
    await assert.rejects(async () => answer, { code: 'ERR_PROCESS_CHANGED' })
  })

  it('refuses a caller whose facts change while it waits for others', async () => {
    const slow = Promise.withResolvers<{ uid: number }>()
    let groups = [27]
    const unix = attestor({
      attest: async () => ({ groups: [27], ...(await slow.promise) }),
      changed: (_peer, facts) => (String(groups) === String(facts['groups']) ? undefined : 'other groups'),
    })
    const failing = attestor({ name: 'docker', attest: () => Promise.reject(new TypeError('no')) })
    const attestation = new Attestation({ attestors: [unix, failing] })
    const answer = attestation.attest(fakeCaller().peer, NOTHING)
    groups = []
    slow.resolve({ uid: 1000 })
    await assert.rejects(async () => answer, { code: 'ERR_PROCESS_CHANGED', reason: 'other groups' })
  })

  it('reads once for calls that arrive while it reads', async () => {
    const slow = Promise.withResolvers<{ uid: number }>()
    let asked = 0
    const unix = attestor({
      attest: () => {
        asked += 1
        return slow.promise
      },
    })
    const { peer } = fakeCaller()
    const attestation = new Attestation({ attestors: [unix] })
    const answers = [attestation.attest(peer, NOTHING), attestation.attest(peer, NOTHING)]
    slow.resolve({ uid: 1 })
    const [first, second] = await Promise.all(answers)
    assert.equal(first, second)
    assert.equal(asked, 1)
  })

  it('tries again after a failure', async () => {
    let fails = true
    const unix = attestor({
      attest: () => (fails ? Promise.reject(new TypeError('no')) : Promise.resolve({ uid: 5 })),
    })
    const { peer } = fakeCaller()
    const attestation = new Attestation({ attestors: [unix] })
    await assert.rejects(async () => attestation.attest(peer, NOTHING), { code: 'ERR_ATTESTATION_FAILED' })
    fails = false
    assert.deepEqual(await attestation.attest(peer, NOTHING), { workload: { unix: { uid: 5 } } })
  })

  describe('when one of two attestors fails', () => {
    const IMAGE: ReadonlySet<string> = new Set(['workload.docker.image'])
    const docker = (): Counting & { isBroken: boolean } => {
      const made = {
        ...attestor({ name: 'docker' }),
        isBroken: true,
        attest: () => {
          if (made.isBroken) throw new TypeError('no socket')
          return { image: 'web' }
        },
      }
      return made
    }

    it("goes on with the other's facts where no rule reads what is missing", () => {
      const attestation = new Attestation({ attestors: [attestor(), docker()] })
      const found = { workload: { unix: { uid: 1000 } } }
      assert.deepEqual(attestation.attest(fakeCaller().peer, NOTHING), found)
      assert.deepEqual(
        attestation.attest(fakeCaller().peer, IMAGE, () => false),
        found,
      )
    })

    it('is unavailable to a caller whose result depends on it, and serves it as soon as it can', () => {
      const failing = docker()
      const { peer } = fakeCaller()
      const attestation = new Attestation({ attestors: [attestor(), failing] })
      const asked: string[] = []
      const dependsOn = (path: string): boolean => asked.push(path) > 0
      const refusal = {
        code: 'ERR_ATTESTATION_FAILED',
        kind: 'unavailable',
        reason: 'attestor failed: docker',
      }
      assert.throws(() => attestation.attest(peer, IMAGE, dependsOn), refusal)
      assert.throws(() => attestation.attest(peer, IMAGE), refusal)
      assert.deepEqual(asked, ['workload.docker'])
      failing.isBroken = false
      const found = { workload: { unix: { uid: 1000 }, docker: { image: 'web' } } }
      assert.deepEqual(attestation.attest(peer, IMAGE, dependsOn), found)
    })

    it('never caches an absence: what was not needed before is read again', async () => {
      const failing = docker()
      const { peer } = fakeCaller()
      const attestation = new Attestation({ attestors: [attestor(), failing] })
      const slow = attestor({ attest: () => Promise.resolve({ uid: 1000 }) })
      const inTime = new Attestation({ attestors: [slow, failing] })
      void attestation.attest(peer, NOTHING)
      await inTime.attest(peer, NOTHING)
      failing.isBroken = false
      const found = { workload: { unix: { uid: 1000 }, docker: { image: 'web' } } }
      assert.deepEqual(attestation.attest(peer, NOTHING), found)
      assert.deepEqual(await inTime.attest(peer, NOTHING), found)
    })
  })

  it('fails when every attestor fails, without telling the caller why', () => {
    const failing = attestor({
      attest: () => {
        throw new TypeError('detail')
      },
    })
    const attestation = new Attestation({ attestors: [failing] })
    assert.throws(() => attestation.attest(fakeCaller().peer, NOTHING), {
      code: 'ERR_ATTESTATION_FAILED',
      kind: 'unavailable',
      publicMessage: 'workload attestation failed',
    })
  })
})
