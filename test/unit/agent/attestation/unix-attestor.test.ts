import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { UnixAttestor, type UnixAttestorDeps } from '../../../../src/agent/attestation/unix-attestor.ts'
import { fakeCaller } from '../../../fakes/fake-caller.ts'

const DIGEST = new Set(['workload.unix.binary_sha256'])
const STATUS = 'Name:\tweb\nUid:\t1000\nGroups:\t4 24 1000 \nNStgid:\t1\n'

function unix(overrides: Partial<UnixAttestorDeps> = {}) {
  return new UnixAttestor({
    accounts: { user: (uid) => `u${uid}`, group: (gid) => `g${gid}`, revision: 1 },
    digests: { late: 0, of: async () => 'abc' },
    readStatus: () => STATUS,
    ...overrides,
  })
}

describe('UnixAttestor', () => {
  it('says who the process runs as, what it runs and since when', () => {
    assert.deepEqual(unix().attest(fakeCaller().peer, new Set()), {
      pid: 812,
      uid: 1000,
      gid: 1000,
      groups: [4, 24, 1000],
      user: 'u1000',
      group: 'g1000',
      binary_path: '/opt/payments/server',
      started_at: '1970-01-01T00:16:45.000Z',
    })
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

  it('asks for the digest of the very file that the process runs', async () => {
    const asked: unknown[] = []
    const digests = { late: 0, of: async (...args: unknown[]) => void asked.push(args) }
    await unix({ digests: digests as never }).attest(fakeCaller().peer, DIGEST)
    assert.deepEqual(asked, [['/proc/812/exe', { device: 1n, inode: 42n, path: '/opt/payments/server' }]])
  })

  it('leaves out a digest that could not be made, not the rest', async () => {
    const facts = await unix({ digests: { late: 0, of: async () => undefined } }).attest(
      fakeCaller().peer,
      DIGEST,
    )
    assert.equal(Object.hasOwn(facts, 'binary_sha256'), false)
    assert.equal(facts['uid'], 1000)
  })

  it('leaves out what it may not see: absent, not empty', () => {
    const facts = unix({
      accounts: { user: () => undefined, group: () => undefined, revision: 0 },
      readStatus: () => {
        throw new TypeError('EACCES')
      },
    }).attest(fakeCaller({ path: undefined, executable: undefined }).peer, DIGEST)
    assert.deepEqual(Object.keys(facts), ['pid', 'uid', 'gid', 'started_at'])
  })

  it('reports a process without supplementary groups as having none', () => {
    const facts = unix({ readStatus: () => 'Groups:\t \n' }).attest(fakeCaller().peer, new Set())
    assert.deepEqual((facts as { groups: unknown }).groups, [])
  })

  it('has another edition when the digest is wanted, the accounts change or a late digest came', () => {
    const accounts = { user: () => undefined, group: () => undefined, revision: 0 }
    const digests = { late: 0, of: async () => undefined }
    const attestor = unix({ accounts, digests })
    const editions = [attestor.edition(new Set()), attestor.edition(DIGEST)]
    accounts.revision += 1
    editions.push(attestor.edition(DIGEST))
    digests.late += 1
    editions.push(attestor.edition(DIGEST))
    assert.equal(new Set(editions).size, 4)
  })
})
