import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openPeerByPid, Peer } from '../../../src/peer/peer.ts'
import { FakeKernel, type FakeProcess } from '../../fakes/fake-kernel.ts'

const SOCKET = 7

describe('Peer', () => {
  it('pins who connected', () => {
    const kernel = new FakeKernel()
    using peer = Peer.ofSocket(kernel, SOCKET)
    assert.deepEqual(peer.credentials, { pid: 812, uid: 1000, gid: 1000, pidfd: 100 })
    assert.deepEqual(peer.executable, {
      device: 1n,
      inode: 42n,
      mountId: 1n,
      path: '/opt/payments/server',
      isDeleted: false,
    })
    assert.equal(peer.startedAtMs, kernel.bootTimeMs + 5000)
    assert.equal(peer.changedSinceAccept(), undefined)
    assert.equal(peer.hasExited(), false)
  })

  const CHANGES: readonly (readonly [string, Partial<FakeProcess>, string])[] = [
    ['another executable', { executable: { device: 1n, inode: 43n } }, 'other executable'],
    ['the same inode on another device', { executable: { device: 2n, inode: 42n } }, 'other executable'],
    ['an executable that cannot be read any more', { executable: undefined }, 'other executable'],
    ['another user', { uid: 1001 }, 'other user or group'],
    ['another group', { gid: 0 }, 'other user or group'],
    ['its exit', { exited: true }, 'exited'],
  ]
  for (const [what, change, says] of CHANGES) {
    it(`notices ${what}`, () => {
      const kernel = new FakeKernel()
      using peer = Peer.ofSocket(kernel, SOCKET)
      Object.assign(kernel.process, change)
      assert.equal(peer.changedSinceAccept(), says)
    })
  }

  it('has no executable where /proc does not show it, and counts as unchanged', () => {
    const kernel = new FakeKernel({ executable: undefined, path: undefined })
    using peer = Peer.ofSocket(kernel, SOCKET)
    assert.equal(peer.executable, undefined)
    assert.equal(peer.changedSinceAccept(), undefined)
  })

  it('is nobody once it is disposed, and closes its pidfd once', () => {
    const kernel = new FakeKernel({ loginUid: 1000 })
    const peer = Peer.ofSocket(kernel, SOCKET)
    assert.equal(peer.loginUid, 1000)
    peer[Symbol.dispose]()
    peer[Symbol.dispose]()
    assert.equal(kernel.openPidfds.size, 0)
    assert.equal(peer.changedSinceAccept(), 'disconnected')
    assert.equal(peer.hasExited(), true)
    assert.equal(peer.loginUid, undefined)
  })

  it('refuses pid 0, which is a process in a PID namespace that cannot be seen', () => {
    const kernel = new FakeKernel({ pid: 0 })
    assert.throws(() => Peer.ofSocket(kernel, SOCKET), { code: 'ERR_PEER_REFUSED' })
    assert.equal(kernel.openPidfds.size, 0)
  })

  it('says that a process is hidden, not exited, when /proc hides it', () => {
    const kernel = new FakeKernel({ hidden: true })
    assert.throws(() => Peer.ofSocket(kernel, SOCKET), { code: 'ERR_PEER_REFUSED', message: /hidepid/ })
    assert.equal(kernel.openPidfds.size, 0)
  })

  it('refuses uid 65534 when it stands for a user of another user namespace', () => {
    const kernel = new FakeKernel({ uid: 65_534, sharesUserNamespace: false })
    assert.throws(() => Peer.ofSocket(kernel, SOCKET), { code: 'ERR_PEER_REFUSED' })
    assert.equal(kernel.openPidfds.size, 0)
  })

  it('accepts uid 65534 of this user namespace as the user nobody', () => {
    using peer = Peer.ofSocket(new FakeKernel({ uid: 65_534 }), SOCKET)
    assert.equal(peer.credentials.uid, 65_534)
  })

  it('refuses a caller that changed between connecting and being accepted', () => {
    const kernel = new FakeKernel()
    kernel.identify = () => ({ pid: 812, uid: 0, gid: 0 }) // it has dropped its privileges since
    assert.throws(() => Peer.ofSocket(kernel, SOCKET), { code: 'ERR_PEER_REFUSED' })
    assert.equal(kernel.openPidfds.size, 0)
  })

  it('says that a caller is gone', () => {
    assert.throws(() => Peer.ofSocket(new FakeKernel({ exited: true }), SOCKET), {
      code: 'ERR_PEER_PROCESS_NOT_FOUND',
    })
  })
})

describe('openPeerByPid', () => {
  it('pins a process by its pid', () => {
    using peer = openPeerByPid(new FakeKernel(), 812)
    assert.equal(peer.credentials.uid, 1000)
  })

  it('says that there is no such process', () => {
    assert.throws(() => openPeerByPid(new FakeKernel(), 813), { code: 'ERR_PEER_PROCESS_NOT_FOUND' })
  })
})
