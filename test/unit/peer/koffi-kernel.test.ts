import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { describe, it } from 'node:test'
import { KoffiKernel, loadKernel, requireKernel } from '../../../src/peer/koffi-kernel.ts'
import { type Libc, loadLibc } from '../../../src/peer/libc.ts'
import { openPeerByPid } from '../../../src/peer/peer.ts'

const { ESRCH, ENOTTY, ENODATA, EINVAL, EINTR, EBADF } = constants.errno

/**
 * The C library of this machine with some calls replaced by failures, which set the errno that the
 * test names.
 */
function libcWith(changes: (fail: (errno: number) => () => number) => Partial<Libc>): Libc {
  const real = loadLibc()
  let own: number | undefined
  const failing = changes((errno) => () => {
    own = errno
    return -1
  })
  const errno = (): number => {
    const found = own ?? real.errno()
    own = undefined
    return found
  }
  return { ...real, ...failing, errno }
}

describe('a kernel', () => {
  for (const release of ['5.15.0-100-generic', '6.4.9', '4.18.0', '6.1']) {
    it(`${release} is refused, with what is needed`, () => {
      assert.throws(() => requireKernel(release), {
        code: 'ERR_PEER_KERNEL_UNSUPPORTED',
        message: `Linux 6.5 or newer is needed to attest callers, this is ${release}`,
      })
    })
  }
  for (const release of ['6.5.0', '6.12.3+deb13', '7.0.0-rc1', '10.1']) {
    it(`${release} is accepted`, () => {
      assert.doesNotThrow(() => requireKernel(release))
    })
  }
})

describe('a kernel without PIDFD_GET_INFO', () => {
  it('identifies a process by its status file, with the same result', () => {
    const asked: number[] = []
    const libc = libcWith((fail) => ({
      ioctl: () => {
        asked.push(1)
        return fail(ENOTTY)()
      },
    }))
    const old = new KoffiKernel(libc)
    const now = loadKernel()
    const pidfd = now.openProcess(process.pid)
    try {
      assert.deepEqual(old.read(process.pid, pidfd), now.read(process.pid, pidfd))
      assert.equal(old.read(process.pid, pidfd).uid, process.geteuid?.())
      assert.equal(asked.length, 1, 'it is not asked again')
    } finally {
      now.closePidfd(pidfd)
    }
  })

  it('knows no process whose status file is missing or malformed', () => {
    for (const text of [undefined, '', 'Name:\tserver\nUid:\tx\n', 'Uid:\t0\t0\t0\t0\n']) {
      const libc = libcWith((fail) => ({
        ioctl: fail(ENOTTY),
        open: () => (text === undefined ? -1 : 1_000_000),
        read: (_fd, buffer) => buffer.write(text ?? '', 'latin1'),
        close: () => 0,
      }))
      assert.throws(() => new KoffiKernel(libc).read(1, 7), { code: 'ERR_PEER_PROCESS_NOT_FOUND' })
    }
  })
})

describe('a kernel with PIDFD_GET_INFO', () => {
  it('says that a process is gone, and is asked again for the next one', () => {
    let dead = true
    const real = loadLibc()
    const libc = libcWith((fail) => ({
      ioctl: (fd, request, info) => (dead ? fail(ESRCH)() : real.ioctl(fd, request, info)),
      open: (path, flags) => {
        assert.doesNotMatch(path, /status$/, 'the status file of a dead process may be that of another one')
        return real.open(path, flags)
      },
    }))
    const kernel = new KoffiKernel(libc)
    const pidfd = kernel.openProcess(process.pid)
    try {
      assert.throws(() => kernel.read(process.pid, pidfd), { code: 'ERR_PEER_PROCESS_NOT_FOUND' })
      dead = false
      assert.equal(kernel.read(process.pid, pidfd).uid, process.geteuid?.())
    } finally {
      kernel.closePidfd(pidfd)
    }
  })
})

describe('the peer of a socket', () => {
  for (const [name, errno] of Object.entries({ ESRCH, ENODATA, EINVAL })) {
    it(`has exited when SO_PEERPIDFD says ${name}`, () => {
      const kernel = new KoffiKernel(libcWith((fail) => ({ getsockopt: fail(errno) })))
      assert.throws(() => kernel.openPeer(0), { code: 'ERR_PEER_PROCESS_NOT_FOUND' })
    })
  }
  it('causes an error of its own when the call fails for another reason', () => {
    const kernel = new KoffiKernel(libcWith((fail) => ({ getsockopt: fail(EBADF) })))
    assert.throws(() => kernel.openPeer(0), { code: 'ERR_PEER_SYSTEM_CALL', errno: EBADF })
    // A peer without SO_PEERCRED is unknown, not exited.
    const other = new KoffiKernel(libcWith((fail) => ({ getsockopt: fail(ESRCH) })))
    assert.throws(() => other.identify(0), { code: 'ERR_PEER_SYSTEM_CALL' })
  })
})

describe('whether a process has exited', () => {
  it('is checked again when a signal interrupted the call', () => {
    let times = 0
    const libc = libcWith((fail) => ({ poll: () => (times++ === 0 ? fail(EINTR)() : 0) }))
    assert.equal(new KoffiKernel(libc).hasExited(7), false)
    assert.equal(times, 2)
  })
  it('is not guessed when it cannot be checked', () => {
    const libc = libcWith((fail) => ({ poll: fail(EINVAL) }))
    assert.throws(() => new KoffiKernel(libc).hasExited(7), { code: 'ERR_PEER_SYSTEM_CALL' })
  })
})

describe('a process that cannot be inspected', () => {
  it('has no executable, and no invented start time', () => {
    const kernel = new KoffiKernel(libcWith((fail) => ({ statx: fail(EINVAL), open: () => -1 })))
    const pidfd = kernel.openProcess(process.pid)
    try {
      assert.equal(kernel.read(process.pid, pidfd).executable, undefined)
      assert.throws(() => kernel.startTicks(process.pid), { code: 'ERR_PEER_PROCESS_NOT_FOUND' })
      assert.equal(kernel.loginUid(process.pid), undefined)
    } finally {
      kernel.closePidfd(pidfd)
    }
  })
  it('has no known user namespace and no known path', () => {
    const kernel = loadKernel()
    assert.equal(kernel.sharesUserNamespace(0), false)
    assert.equal(kernel.sharesUserNamespace(process.pid), true)
    assert.equal(kernel.executablePath(0, { device: 0n, inode: 0n, mountId: 0n }).path, undefined)
  })
  it('leaves no descriptor behind when it exits before it could be read', () => {
    const closed: number[] = []
    const kernel = new KoffiKernel(libcWith((fail) => ({ ioctl: fail(ESRCH) })))
    const closePidfd = kernel.closePidfd.bind(kernel)
    kernel.closePidfd = (pidfd) => {
      closed.push(pidfd)
      closePidfd(pidfd)
    }
    assert.throws(() => openPeerByPid(kernel, process.pid), { code: 'ERR_PEER_PROCESS_NOT_FOUND' })
    assert.equal(closed.length, 1)
  })
})
