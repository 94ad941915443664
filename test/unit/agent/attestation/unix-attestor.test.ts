import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { UnixAttestor, type UnixAttestorDeps } from '../../../../src/agent/attestation/unix-attestor.ts'
import type { Attributes } from '../../../../src/policy/attributes.ts'
import { fakeCaller } from '../../../fakes/fake-caller.ts'

const DIGEST = new Set(['workload.unix.binary_sha256'])
const ALL = new Set(['workload.unix'])

function unix(overrides: Partial<UnixAttestorDeps> = {}) {
  return new UnixAttestor({
    accounts: { user: (uid) => `u${uid}`, group: (gid) => `g${gid}`, revision: 1 },
    digests: { lateOf: () => 0, known: () => undefined, of: async () => 'abc' },
    ...overrides,
  })
}

describe('UnixAttestor', () => {
  it('says who the process runs as, what it runs and since when', () => {
    assert.deepEqual(unix().attest(fakeCaller().peer, new Set()), {
      pid: 812,
      uid: 1000,
      gid: 1000,
      user: 'u1000',
      group: 'g1000',
      binary_path: '/opt/payments/server',
      binary_deleted: false,
      started_at: '1970-01-01T00:16:45.000Z',
    })
  })

  it('adds expensive facts when a rule uses them', async () => {
    const { groups, mount_namespace, cgroup } = await unix().attest(fakeCaller().peer, ALL)
    assert.deepEqual(
      { groups, mount_namespace, cgroup },
      {
        groups: [4, 24, 1000],
        mount_namespace: 'host',
        cgroup: '/system.slice/payments.service',
      },
    )
  })

  it('adds the digest only when a rule uses it', async () => {
    const facts = await unix().attest(fakeCaller().peer, DIGEST)
    assert.equal(facts['binary_sha256'], 'abc')
  })

  for (const subtree of ['workload', 'workload.unix']) {
    it(`adds the digest when an expression uses all of ${subtree}`, async () => {
      const facts = await unix().attest(fakeCaller().peer, new Set([subtree]))
      assert.equal(facts['binary_sha256'], 'abc')
    })
  }

  it('uses a known digest immediately, and computes none that decides nothing', () => {
    const dependsOn = (): boolean => false
    const peer = fakeCaller().peer
    const made = { lateOf: () => 0, known: () => 'abc', of: async () => 'other' }
    const facts = unix({ digests: made }).attest(peer, DIGEST, dependsOn) as Attributes
    assert.equal(facts['binary_sha256'], 'abc')
    const unmade = { ...made, known: () => undefined }
    const without = unix({ digests: unmade }).attest(peer, DIGEST, dependsOn) as Attributes
    assert.equal(Object.hasOwn(without, 'binary_sha256'), false)
  })

  it('asks for the digest of the very file that the process runs', async () => {
    const asked: unknown[] = []
    const digests = {
      lateOf: () => 0,
      known: () => undefined,
      of: async (request: unknown) => void asked.push(request),
    }
    await unix({ digests: digests as never }).attest(fakeCaller().peer, DIGEST)
    assert.deepEqual(asked, [{ uid: 1000, path: '/proc/812/exe', device: 1n, inode: 42n }])
  })

  it('leaves out only a digest that could not be computed', async () => {
    const facts = await unix({
      digests: { lateOf: () => 0, known: () => undefined, of: async () => undefined },
    }).attest(fakeCaller().peer, DIGEST)
    assert.equal(Object.hasOwn(facts, 'binary_sha256'), false)
    assert.equal(facts['uid'], 1000)
  })

  it('leaves out what it may not see: absent, not empty', () => {
    const hidden = { executable: undefined, mayInspect: false, mountNamespace: undefined, cgroup: undefined }
    const facts = unix({ accounts: { user: () => undefined, group: () => undefined, revision: 0 } }).attest(
      fakeCaller({ ...hidden, groups: undefined }).peer,
      ALL,
    )
    assert.deepEqual(Object.keys(facts), ['pid', 'uid', 'gid', 'started_at'])
  })

  for (const name of ['binary_path', 'binary_sha256', 'binary_deleted']) {
    it(`refuses a caller that hides its executable from an agent that may see it, when a rule uses ${name}`, () => {
      const { peer } = fakeCaller({ executable: undefined })
      assert.throws(() => unix().attest(peer, new Set([`workload.unix.${name}`])), {
        code: 'ERR_ATTESTATION_FAILED',
      })
      assert.doesNotThrow(() => unix().attest(peer, new Set(['workload.unix.uid'])))
    })
  }

  for (const [name, change, reason] of [
    ['groups', { groups: [4] }, 'other groups'],
    ['groups', { groups: undefined }, 'other groups'],
    ['cgroup', { cgroup: '/user.slice' }, 'other cgroup'],
    ['mount_namespace', { mountNamespace: 'other' }, 'other mount namespace'],
  ] as const) {
    it(`notices ${reason} when a rule uses ${name}, and only then: ${JSON.stringify(change)}`, () => {
      const attestor = unix()
      const { peer, process } = fakeCaller()
      const wanted = new Set([`workload.unix.${name}`])
      const facts = attestor.attest(peer, wanted) as Attributes
      assert.equal(attestor.changed(peer, facts, wanted), undefined)
      Object.assign(process, change)
      assert.equal(attestor.changed(peer, facts, wanted), reason)
      assert.equal(attestor.changed(peer, facts, new Set()), undefined)
    })
  }

  it('reports a process without supplementary groups as having none', () => {
    const facts = unix().attest(fakeCaller({ groups: [] }).peer, new Set(['workload.unix.groups']))
    assert.deepEqual((facts as { groups: unknown }).groups, [])
  })

  it('has another edition when the digest is needed, the accounts change or a late digest arrives', () => {
    const accounts = { user: () => undefined, group: () => undefined, revision: 0 }
    let late = 0
    const digests = { lateOf: () => late, known: () => undefined, of: async () => undefined }
    const attestor = unix({ accounts, digests })
    const { peer } = fakeCaller()
    const editions = [attestor.edition(new Set(), peer), attestor.edition(DIGEST, peer)]
    accounts.revision += 1
    editions.push(attestor.edition(DIGEST, peer))
    late += 1
    editions.push(attestor.edition(DIGEST, peer))
    editions.push(attestor.edition(new Set(DIGEST), peer))
    assert.equal(new Set(editions).size, 5)
  })
})
