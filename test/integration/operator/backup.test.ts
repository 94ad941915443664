import assert from 'node:assert/strict'
import { chmod, chown, cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import { Stack } from '../../support/stack.ts'

/** An authority that has a role, a bot and an identity, and no agent yet. */
async function place({ inProcess }: { readonly inProcess: boolean }) {
  const stack = await Stack.create({ inProcess })
  await stack.startAuthority()
  const uid = process.getuid?.() ?? 0
  await stack.apply(`
kind: role
version: v1
metadata: { name: everything }
spec: { allow: [{ kind: workload_identity, spiffe_ids: [/**] }] }
---
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [everything] }
---
kind: workload_identity
version: v1
metadata: { name: web }
spec: { spiffe_id: /web, allow: [{ match: { workload.unix.uid: ${uid} } }] }
`)
  const data = path.join(stack.directory, 'authority')
  const backup = (to: string) => stack.signet('authority', 'backup', '--to', to)
  const restore = (from: string, ...more: string[]) =>
    stack.signet('authority', 'restore', '--from', from, '--config', stack.authorityConfig, ...more)
  const events = async (event: string) => {
    const { stdout } = await stack.admin('audit', 'list', '--event', event, '--json')
    return JSON.parse(stdout) as { detail: Record<string, unknown> }[]
  }
  return Object.assign(stack, {
    data,
    backup,
    restore,
    events,
    at: (name: string) => path.join(stack.directory, name),
  })
}

describe('a backup that the authority makes while it runs', () => {
  it('is private, whole in three files and a list, and is refused wherever something is', async () => {
    await using stack = await place({ inProcess: true })
    const to = stack.at('backup')
    await mkdir(stack.at('.backup.unfinished-aB3xYz')) // of an authority that was killed meanwhile
    await writeFile(stack.at('.backup.unfinished-aB3xYz/authority.db'), 'half')
    const done = await stack.backup(to)
    assert.equal(done.code, 0, done.stderr)
    assert.match(done.stdout, /up to event \d+\nkeep the key-encryption key of .*kek too, somewhere else/)
    assert.deepEqual((await readdir(to)).sort(), [
      'audit-head.key',
      'audit-heads.jsonl',
      'authority.db',
      'backup.json',
    ])
    for (const name of await readdir(to))
      assert.equal((await stat(path.join(to, name))).mode & 0o777, 0o600, name)
    assert.equal((await stat(to)).mode & 0o777, 0o700)
    assert.deepEqual(
      (await readdir(stack.directory)).filter((name) => name.startsWith('.')),
      [],
    )
    assert.equal((await stack.events('authority.backed_up')).length, 1)

    await symlink('/nowhere', stack.at('link'))
    for (const taken of [to, stack.at('link'), stack.directory]) {
      const { code, stderr } = await stack.backup(taken)
      assert.deepEqual([code, /exists already/.test(stderr)], [6, true], stderr)
    }
    assert.equal((await stack.backup(stack.at('no/such/parent'))).code, 5)

    const checked = await stack.restore(to, '--check')
    assert.match(checked.stdout, /^the backup of example\.org from .* can be restored\n$/)
    assert.equal((await stack.restore(to)).code, 6) // the authority runs
    assert.match((await stack.restore(to, '--replace')).stderr, /an authority runs/)
  })

  it('is refused where another user could put a link in its place, and leaves such a link alone', async () => {
    await using stack = await place({ inProcess: true })
    await mkdir(stack.at('precious'))
    await writeFile(stack.at('precious/file'), 'precious')
    const parent = stack.at('parent')
    await mkdir(path.join(parent, 'below'), { recursive: true })
    const link = path.join(parent, '.backup.unfinished-aB3xYz')
    await symlink(stack.at('precious'), link)
    for (const [to, mode] of [
      ['parent/backup', 0o777],
      ['parent/backup', 0o1777],
      ['parent/backup', 0o770],
      ['parent/below/backup', 0o777],
    ] as const) {
      await chmod(parent, mode)
      const { code, stderr } = await stack.backup(stack.at(to))
      assert.deepEqual(
        [code, /parent is writable by others: make the backup in/.test(stderr)],
        [6, true],
        stderr,
      )
    }
    await chmod(parent, 0o1777)
    assert.equal((await stack.backup(stack.at('parent/below/backup'))).code, 0)

    await chmod(parent, 0o755)
    const done = await stack.backup(path.join(parent, 'backup'))
    assert.equal(done.code, 0, done.stderr)
    assert.deepEqual((await readdir(parent)).sort(), ['.backup.unfinished-aB3xYz', 'backup', 'below'])
    assert.equal(await readFile(path.join(link, 'file'), 'utf8'), 'precious')
    if (process.getuid?.() !== 0) return
    await chown(parent, 4242, 4242)
    assert.match(
      (await stack.backup(path.join(parent, 'another'))).stderr,
      /parent belongs to uid 4242: make/,
    )
  })

  it('is refused when a file is changed or missing, or the key is another one', async () => {
    await using stack = await place({ inProcess: true })
    const to = stack.at('backup')
    await stack.admin('authority', 'backup', '--to', to)
    const changed = stack.at('changed')
    await cp(to, changed, { recursive: true })
    const database = await readFile(path.join(changed, 'authority.db'))
    database[5000] = (database[5000] ?? 0) ^ 1
    await writeFile(path.join(changed, 'authority.db'), database)
    assert.match(
      (await stack.restore(changed, '--check')).stderr,
      /authority\.db is not as the authority wrote it/,
    )
    await rm(path.join(changed, 'backup.json'))
    assert.match(
      (await stack.restore(changed, '--check')).stderr,
      /no complete backup: cannot read backup\.json/,
    )

    const oldKey = await readFile(stack.at('kek'))
    await stack.admin('authority', 'rekey')
    const { code, stderr } = await stack.restore(to, '--check')
    assert.deepEqual([code, /is not the one that this data directory was made with/.test(stderr)], [6, true])

    // The two files that the key seals, as if it had been changed between their copies.
    const mixed = stack.at('mixed')
    await stack.admin('authority', 'backup', '--to', mixed)
    await stack.restore(mixed, '--check')
    const list = JSON.parse(await readFile(path.join(mixed, 'backup.json'), 'utf8'))
    const former = JSON.parse(await readFile(path.join(to, 'backup.json'), 'utf8'))
    list.files['audit-head.key'] = former.files['audit-head.key']
    await writeFile(path.join(mixed, 'backup.json'), JSON.stringify(list))
    await cp(path.join(to, 'audit-head.key'), path.join(mixed, 'audit-head.key'))
    assert.match(
      (await stack.restore(mixed, '--check')).stderr,
      /was changed between the files of this backup/,
    )

    await stack.authority.stop()
    await writeFile(stack.at('kek'), oldKey)
    assert.equal((await stack.restore(to, '--replace')).code, 0)
    await stack.startAuthority()
    assert.match((await stack.admin('audit', 'verify')).stdout, /is intact/)
  })
})

describe('the drill: an authority is lost and restored from last night’s backup', () => {
  it('takes no SVID from an agent that joined since; a lock does; a new token brings it back', async () => {
    await using stack = await place({ inProcess: false })
    const to = stack.at('backup')
    await stack.admin('authority', 'backup', '--to', to)
    await stack.join()
    const fetched = () => stack.signet('svid', 'fetch', 'x509')
    assert.match((await fetched()).stdout, /example\.org\/web/)

    await stack.authority.stop('SIGKILL')
    assert.match((await stack.restore(to)).stderr, /holds a database: give --replace/)
    const { stdout } = await stack.restore(to, '--replace')
    const aside = /what was there before is in (.*)/.exec(stdout)?.[1] ?? ''
    assert.ok((await readdir(aside)).includes('authority.db'))

    const from = stack.agent.log.length
    await stack.startAuthority()
    assert.equal((await stack.events('authority.restored')).length, 1)
    await stack.agent.says(/restored from a backup/, from)
    assert.match((await fetched()).stdout, /example\.org\/web/)
    const [refused] = await stack.events('bot.refused')
    assert.equal(refused?.detail['reason'], 'restored_authority')
    assert.match((await stack.admin('audit', 'verify')).stdout, /is intact/)

    // Restarts change nothing: neither of the authority nor of the agent.
    await stack.authority.stop()
    await stack.startAuthority()
    await stack.agent.stop()
    await stack.launchAgent()
    assert.match((await fetched()).stdout, /example\.org\/web/)
    await stack.agent.says(/restored from a backup/)
    assert.match((await fetched()).stdout, /example\.org\/web/)

    const { name, secret } = await stack.createToken('--name', 'after-restore')
    await stack.agent.stop()
    await stack.writeAgentConfig(name, secret)
    await stack.startAgent()
    assert.match((await fetched()).stdout, /example\.org\/web/)
    await stack.admin('lock', '--bot', 'builder', '--reason', 'drill')
    assert.equal((await fetched()).code, 4)
  })

  it('refuses to start on a restore that was interrupted, and the same command completes it', async () => {
    await using stack = await place({ inProcess: true })
    const to = stack.at('backup')
    await stack.admin('authority', 'backup', '--to', to)
    await stack.authority.stop()
    await rm(path.join(stack.data, 'authority.db'))
    const gone = await stack.signet('authority', 'run', '--config', stack.authorityConfig)
    assert.match(gone.stderr, /is gone: restore it/)
    assert.ok(!(await readdir(stack.data)).includes('authority.db')) // restore needs no --replace
    await cp(path.join(to, 'authority.db'), path.join(stack.data, 'authority.db.restoring'))
    const refused = await stack.signet('authority', 'run', '--config', stack.authorityConfig)
    assert.match(refused.stderr, /restore .* was interrupted/)
    assert.equal((await stack.restore(to)).code, 0)
    await stack.startAuthority()
    assert.match((await stack.admin('get', 'bot')).stdout, /builder/)
  })

  it('begins anew on an empty data directory, which must be private', async () => {
    await using stack = await place({ inProcess: true })
    const to = stack.at('backup')
    await stack.admin('authority', 'backup', '--to', to)
    await stack.authority.stop()
    await rm(stack.data, { recursive: true })
    await mkdir(stack.data)
    await chmod(stack.data, 0o755)
    assert.match((await stack.restore(to)).stderr, /open to others/)
    await chmod(stack.data, 0o700)
    assert.equal((await stack.restore(to)).code, 0)
    await stack.startAuthority()
    assert.match((await stack.admin('get', 'bot')).stdout, /builder/)
    assert.deepEqual(await stack.events('audit.gap_found'), [])
  })
})
