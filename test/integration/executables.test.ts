import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { copyFile, link, mkdir, mkdtemp, realpath, rename, rm, symlink, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { loadKernel } from '../../src/peer/koffi-kernel.ts'
import { openPeerByPid, type Peer } from '../../src/peer/peer.ts'

const kernel = loadKernel()
const NEEDS_ROOT = process.getuid?.() === 0 ? false : 'needs root'

/** Runs a program that waits for standard input, and inspects it. */
async function running<T>(
  command: readonly string[],
  look: (peer: Peer) => T | Promise<T>,
  meanwhile?: () => Promise<void>,
): Promise<T> {
  const [file = '', ...args] = command
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    child.stdin.write('ready\n')
    await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next() // `cat` echoes its input
    await meanwhile?.()
    using peer = openPeerByPid(kernel, child.pid ?? 0)
    return await look(peer)
  } finally {
    child.kill('SIGKILL')
  }
}

const pathOf = ({ executable }: Peer): object => ({
  path: executable?.path,
  isDeleted: executable?.isDeleted,
})

describe('the path of an executable', () => {
  let place: string
  const at = (name: string): string => path.join(place, name)
  before(async () => {
    place = await mkdtemp(path.join(tmpdir(), 'signet-exe-'))
  })
  after(() => rm(place, { recursive: true }))

  it('is the path of the file', async () => {
    await copyFile('/bin/cat', at('cat'))
    assert.deepEqual(await running([at('cat')], pathOf), { path: at('cat'), isDeleted: false })
  })

  it('is kept if the file is removed or replaced, as by an upgrade, and the removal is noticed', async () => {
    await copyFile('/bin/cat', at('old'))
    const removed = await running([at('old')], pathOf, () => unlink(at('old')))
    assert.deepEqual(removed, { path: at('old'), isDeleted: true })
    await copyFile('/bin/cat', at('app'))
    await copyFile('/bin/cat', at('new'))
    const replaced = await running([at('app')], pathOf, () => rename(at('new'), at('app')))
    assert.deepEqual(replaced, { path: at('app'), isDeleted: true })
  })

  it('is the same even if the removed file has another name', async () => {
    await copyFile('/bin/cat', at('linked'))
    const found = await running([at('linked')], pathOf, async () => {
      await link(at('linked'), at('other'))
      await unlink(at('linked'))
    })
    assert.deepEqual(found, { path: at('linked'), isDeleted: true })
  })

  it('of a file whose real name ends in “ (deleted)” is that name', async () => {
    await copyFile('/bin/cat', at('app (deleted)'))
    const found = await running([at('app (deleted)')], pathOf)
    assert.deepEqual(found, { path: at('app (deleted)'), isDeleted: false })
  })

  /** Runs `$0` in a new mount namespace, in which a program exists where there is none on this host. */
  const elsewhere = (more: string): readonly string[] => [
    'unshare',
    '-m',
    'sh',
    '-c',
    `mount -t tmpfs none ${at('opt')} && cp /bin/cat ${at('opt')}/app && ${more}`,
  ]

  it('in another mount namespace does not count if it does not exist here', {
    skip: NEEDS_ROOT,
  }, async () => {
    await mkdir(at('opt'), { recursive: true })
    const look = (peer: Peer): object => ({ ...pathOf(peer), namespace: peer.mountNamespace() })
    const absent = { path: undefined, namespace: 'other' }
    assert.deepEqual(await running(elsewhere(`exec ${at('opt')}/app`), look), { ...absent, isDeleted: false })
    await copyFile('/bin/cat', at('opt/app')) // nor if another file has that path here
    assert.deepEqual(await running(elsewhere(`exec ${at('opt')}/app`), look), { ...absent, isDeleted: false })
    const gone = elsewhere(`cd / && exec 5<${at('opt')}/app && rm ${at('opt')}/app && exec /proc/self/fd/5`)
    assert.deepEqual(await running(gone, look), { ...absent, isDeleted: true })
  })

  it('in another mount namespace counts if it leads to the same file here', {
    skip: NEEDS_ROOT,
  }, async () => {
    await copyFile('/bin/cat', at('shared'))
    const found = await running(['unshare', '-m', 'sh', '-c', `exec ${at('shared')}`], pathOf)
    assert.deepEqual(found, { path: at('shared'), isDeleted: false })
  })

  it('in another mount namespace does not count if it leads through a link here', {
    skip: NEEDS_ROOT,
  }, async () => {
    const cat = await realpath('/bin/cat')
    await mkdir(at('venv'))
    await symlink(cat, at('venv/cat')) // the kernel never reports a path through a link
    const over = `mount -t tmpfs none ${at('venv')} && touch ${at('venv')}/cat && mount --bind ${cat} ${at('venv')}/cat`
    const command = ['unshare', '-m', 'sh', '-c', `${over} && exec ${at('venv')}/cat`]
    const found = await running(command, pathOf, async () => {
      assert.equal(await realpath(at('venv/cat')), cat) // puts the link into the kernel's dentry cache
    })
    assert.deepEqual(found, { path: undefined, isDeleted: false })
  })

  it('of a file passed from another mount namespace does not count, either', {
    skip: NEEDS_ROOT,
  }, async () => {
    await mkdir(at('opt'), { recursive: true })
    const handed = `import ctypes, os
fd = os.open('${at('opt')}/app', os.O_RDONLY)
ctypes.CDLL(None).setns(os.open('/proc/${process.pid}/ns/mnt', os.O_RDONLY), 0x20000)
os.set_inheritable(fd, True)
os.execve(fd, ['app'], os.environ)`
    const look = (peer: Peer): object => ({ ...pathOf(peer), namespace: peer.mountNamespace() })
    const found = await running(elsewhere(`exec python3 -c "${handed}"`), look)
    assert.deepEqual(found, { path: undefined, isDeleted: false, namespace: 'host' })
  })

  it('of a program that exists only in memory is not the path of a file', async () => {
    const inMemory = `import os
fd = os.memfd_create('${at('cat')}', 0)
os.write(fd, open('/bin/cat', 'rb').read())
os.execve(fd, ['cat'], os.environ)`
    const { path: found } = (await running(['python3', '-c', inMemory], pathOf)) as { path?: string }
    assert.notEqual(found, at('cat'))
  })
})

describe('the supplementary groups of a process', () => {
  it('are not those that it writes into its name', { skip: NEEDS_ROOT }, async () => {
    const named = `import ctypes, os
os.setgroups([4, 24])
ctypes.CDLL(None).prctl(15, b'\\rGroups:\\t31337', 0, 0, 0)
print(input(), flush=True)
input()`
    const groups = await running(['python3', '-c', named], (peer) => peer.supplementaryGroups())
    assert.deepEqual(groups, [4, 24])
  })
})
