import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { status } from '@grpc/grpc-js'
import { Daemon } from '../../support/programs.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../../support/stack.ts'

const UID = process.getuid?.() ?? 0
const root = UID === 0

/** The reason why this machine cannot mount a file system for the test; false if it can. */
function cannotMount(): string | false {
  if (!root) return 'needs root, to mount a small file system'
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', '/mnt'], { stdio: 'ignore' })
    execFileSync('umount', ['/mnt'])
    return false
  } catch {
    return 'this machine does not allow mounts'
  }
}
const noMounts = cannotMount()

class SmallDisk implements Disposable {
  readonly directory: string

  constructor(directory: string, size: string) {
    this.directory = directory
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', directory])
  }

  remount(options: string): void {
    execFileSync('mount', ['-o', `remount,${options}`, this.directory])
  }

  [Symbol.dispose](): void {
    execFileSync('umount', ['-l', this.directory])
  }
}

describe('the audit log', () => {
  const database = async (stack: Stack): Promise<string> => {
    const directory = path.join(stack.directory, 'authority')
    const file = (await readdir(directory)).find((name) => /\.(?:db|sqlite3?)$/.test(name))
    assert.ok(file, 'a database')
    return path.join(directory, file)
  }

  it('verifies only if no row was changed by hand and no tail was cut off', async () => {
    await using stack = await Stack.create({ inProcess: true })
    await stack.startAuthority()
    await stack.apply(DEFAULT_RESOURCES)
    await stack.apply(identityFor(UID))
    assert.equal((await stack.signet('audit', 'verify')).code, 0)
    await stack.authority.stop() // signs the head
    const file = await database(stack)

    const db = new DatabaseSync(file)
    db.exec(`UPDATE audit_events SET actor = 'uid:4242' WHERE sequence = 3`)
    db.close()
    await stack.startAuthority()
    const changed = await stack.signet('audit', 'verify')
    assert.equal(changed.code, 1)
    assert.match(changed.stderr, /^row 3 \(.*\) was changed$/m)
    assert.match(
      changed.stderr,
      /^signet: the audit log is not intact .*: keep a copy of the data directory/m,
    )
    await stack.authority.stop()

    const again = new DatabaseSync(file)
    again.exec('DELETE FROM audit_events WHERE sequence > (SELECT max(sequence) - 2 FROM audit_events)')
    again.close()
    await stack.startAuthority()
    const cut = await stack.signet('audit', 'verify')
    assert.equal(cut.code, 1)
    assert.match(cut.stderr, /the database ends before the last signed head: its tail was cut/)
    assert.match(stack.authority.log, /"event":"audit\.gap_found"/)
  })
})

describe('a full disk', { skip: noMounts }, () => {
  it('makes the authority refuse issuance and changes, keeps existing data, and needs no restart afterwards', async () => {
    await using stack = await Stack.create({ inProcess: true })
    const data = path.join(stack.directory, 'authority')
    await mkdir(data, { mode: 0o700 })
    using disk = new SmallDisk(data, '8m')
    await stack.startAuthority()
    await stack.apply(DEFAULT_RESOURCES)
    await stack.apply(identityFor(UID))
    await stack.join()
    using client = stack.client()
    await client.first('FetchX509SVID')
    const filler = path.join(data, 'filler')
    await assert.rejects(writeFile(filler, Buffer.alloc(32 << 20)), { code: 'ENOSPC' })

    const many = Array.from({ length: 300 }, (_, n) => identityFor(UID, `more-${n}`)).join('---')
    await assert.rejects(
      stack.apply(many),
      /ended with 5: signet: the authority cannot store anything now: the disk is full; make room in the data directory/,
    )
    await assert.rejects(filled(client), { code: status.UNAVAILABLE })
    await client.first('FetchX509SVID') // existing SVIDs are still served

    await truncate(filler, 0)
    await stack.apply(identityFor(UID, 'after'))
    assert.equal((await stack.signet('audit', 'verify')).code, 0)
    const listed = JSON.parse((await stack.admin('get', 'workload_identity', '--json')).stdout) as object[]
    assert.equal(listed.length, 2)
    assert.ok(disk)
  })

  it('does not stop the agent from serving', async () => {
    await using stack = await Stack.create({ inProcess: true })
    const data = path.join(stack.directory, 'agent')
    await mkdir(data, { mode: 0o700 })
    using _disk = new SmallDisk(data, '256k')
    await stack.startAuthority()
    await stack.apply(DEFAULT_RESOURCES)
    await stack.join()
    await assert.rejects(writeFile(path.join(data, 'filler'), Buffer.alloc(1 << 20)), { code: 'ENOSPC' })
    await stack.apply(identityFor(UID))
    using client = stack.client()
    using stream = client.stream('FetchX509SVID')
    await stream.next()
    await stack.agent.says(/"event":"state\.unsaved".*no space left/i)
    assert.ok(stack.agent.running)
    await truncate(path.join(data, 'filler'), 0)
    await stack.agent.stop()
    await stack.launchAgent() // the unsaved state was saved once there was room
    await stack.authority.stop()
    using again = stack.client()
    await again.first('FetchX509SVID')
  })
})

/** Requests SVIDs until the disk is full for the audit log, too. */
async function filled(client: ReturnType<Stack['client']>): Promise<void> {
  for (let n = 0; n < 20_000; n++)
    await client.unary('FetchJWTSVID', { audience: [`${n}-${'b'.repeat(200)}`] })
}

describe('a read-only data directory', { skip: noMounts }, () => {
  it('is named by the authority, which does not start', async () => {
    await using stack = await Stack.create({ inProcess: true })
    const data = path.join(stack.directory, 'authority')
    await mkdir(data, { mode: 0o700 })
    using disk = new SmallDisk(data, '8m')
    disk.remount('ro')
    await using authority = new Daemon(['authority', 'run', '--config', stack.authorityConfig])
    assert.notEqual(await authority.ended(), 0)
    assert.ok(authority.log.includes(data), authority.log)
    assert.match(authority.log, /^signet: .*read-only/m)
  })

  it('is named by the agent, which does not start', async () => {
    await using stack = await Stack.create({ inProcess: true })
    await stack.startAuthority()
    await stack.apply(DEFAULT_RESOURCES)
    const data = path.join(stack.directory, 'agent')
    await mkdir(data, { mode: 0o700 })
    using disk = new SmallDisk(data, '1m')
    disk.remount('ro')
    const { name, secret } = await stack.createToken()
    await stack.writeAgentConfig(name, secret)
    await using agent = new Daemon(['agent', 'run', '--config', stack.agentConfig])
    assert.notEqual(await agent.ended(), 0)
    assert.ok(agent.log.includes(data), agent.log)
    assert.match(agent.log, /^signet: .*read-only/m)
  })
})

describe('a file with secrets', () => {
  it('is refused if others can read it', async () => {
    await using stack = await Stack.create({ inProcess: true })
    await stack.startAuthority()
    await stack.authority.stop()
    const kek = path.join(stack.directory, 'kek')
    await chmod(kek, 0o644)
    await using authority = new Daemon(['authority', 'run', '--config', stack.authorityConfig])
    assert.notEqual(await authority.ended(), 0)
    assert.ok(authority.log.includes(kek))
    assert.match(authority.log, /^signet: .*chmod 600/m)
  })

  it('cannot be read with another key, and the error names the key', async () => {
    await using stack = await Stack.create({ inProcess: true })
    await stack.startAuthority()
    await stack.authority.stop()
    const kek = path.join(stack.directory, 'kek')
    const right = await readFile(kek)
    await writeFile(kek, randomBytes(32))
    await using authority = new Daemon(['authority', 'run', '--config', stack.authorityConfig])
    assert.notEqual(await authority.ended(), 0)
    assert.match(authority.log, /^signet: .*key-encryption key/m)
    await writeFile(kek, right)
    await stack.startAuthority()
  })
})
