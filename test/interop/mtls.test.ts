import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Stack } from '../support/stack.ts'
import { ExampleProcess } from './example-process.ts'
import { type Example, type ExampleName, findExamples, homeOf, isThere } from './examples.ts'
import { whyOneUser } from './users.ts'

/** The programs of deploy/examples/mtls, unchanged. */
const found = await findExamples()
const there: readonly Example[] = Object.values(found).filter(isThere)
const skippedOf = (name: ExampleName): string | false => {
  const example = found[name]
  return isThere(example) ? false : `lane ${name} skipped: ${example.skipped}`
}

const SERVERS = ['node', 'go'] as const
const CLIENTS = ['node', 'go', 'python'] as const
const PAIRS = SERVERS.flatMap((server) => CLIENTS.map((client) => [server, client] as const))
const UIDS: Readonly<Record<ExampleName, number>> = { node: 61_011, go: 61_012, python: 61_013 }
const STRANGER = 'spiffe://example.org/somebody-else'
const EVERY_MS = 200

const idOf = (name: ExampleName): string => `spiffe://example.org/${name}`
const peers = (...ids: readonly string[]): string[] => ids.flatMap((id) => ['-peer', id])
/** Go accepts one dash or two, the others two. */
const dashed = (args: readonly string[]): string[] => args.map((arg) => arg.replace(/^-(?=[a-z])/, '--'))

/** A line of a client that got a response. */
const ANSWER = /^(kept|new): hello (\S+), with certificate ([0-9a-f]+), from port (\d+)$/
interface Answer {
  readonly kind: string
  readonly id: string
  readonly serial: string
  readonly port: string
}
const answersOf = (lines: readonly string[]): Answer[] =>
  lines.flatMap((line) => {
    const [, kind = '', id = '', serial = '', port = ''] = ANSWER.exec(line) ?? []
    return kind === '' ? [] : [{ kind, id, serial, port }]
  })
const newSerials = (lines: readonly string[]): Set<string> =>
  new Set(answersOf(lines).flatMap(({ kind, serial }) => (kind === 'new' ? [serial] : [])))

interface AuditRow {
  readonly event: string
  readonly detail: { readonly purpose?: string; readonly spiffeId?: string }
}

describe('mutual TLS without a proxy', () => {
  let stack: Stack
  let oneUser: string | undefined
  const homes = new Map<ExampleName, string>()

  const run = (name: ExampleName, role: 'server' | 'client', ...args: string[]): ExampleProcess => {
    const example = found[name]
    assert.ok(isThere(example))
    const command = example[role]
    assert.ok(command)
    return new ExampleProcess({
      title: `${role} ${name}`,
      command,
      args: dashed(args),
      socket: stack.socket,
      home: homes.get(name) as string,
      uid: oneUser === undefined ? UIDS[name] : undefined,
    })
  }
  const serve = async (name: ExampleName, ...ids: string[]): Promise<[ExampleProcess, string]> => {
    const server = run(name, 'server', '-listen', '127.0.0.1:0', ...peers(...ids))
    const address = (): string | undefined => /^listening on (\S+)$/.exec(server.lines[0] ?? '')?.[1]
    await server.until('it listened', () => address() !== undefined)
    return [server, address() as string]
  }
  const call = (name: ExampleName, address: string, id: string, ...more: string[]): ExampleProcess => {
    const where = name === 'python' ? ['-address', address] : ['-url', `https://${address}`]
    return run(name, 'client', ...where, ...peers(id), '-every', String(EVERY_MS), ...more)
  }

  before(async () => {
    stack = await Stack.start()
    oneUser = whyOneUser(
      there.flatMap((each) => each.binaryPaths.map((binaryPath) => ({ ...each, binaryPath }))),
    )
    for (const { name, binaryPaths } of there) {
      homes.set(name, await homeOf(stack.directory, name))
      const uid = oneUser === undefined ? UIDS[name] : process.geteuid?.()
      const match = `{ workload.unix.uid: ${uid}, workload.unix.binary_path: ${JSON.stringify(binaryPaths)} }`
      await stack.apply(`
kind: workload_identity
version: v1
metadata: { name: ${name} }
spec:
  spiffe_id: /${name}
  allow: [{ match: ${match} }]
  x509: { ttl: 12s }
`)
    }
  })
  after(() => stack?.[Symbol.asyncDispose]())

  it('survives rotations of X.509-SVIDs and of the CA, on kept and on new connections', async (t) => {
    await using started = new AsyncDisposableStack()
    const addresses = new Map<ExampleName, string>()
    for (const name of SERVERS.filter((each) => skippedOf(each) === false)) {
      const [server, address] = await serve(name, ...CLIENTS.map(idOf))
      started.use(server)
      addresses.set(name, address)
    }
    const pairs = PAIRS.filter(([server, client]) => addresses.has(server) && skippedOf(client) === false)
    const clients = pairs.map(([server, client]) => ({
      title: `client ${client}, server ${server}`,
      client,
      process: started.use(call(client, addresses.get(server) as string, idOf(server))),
    }))
    /** Waits until each client has presented this many more certificates. */
    const rotations = (count: number): Promise<unknown> =>
      Promise.all(
        clients.map(({ process }) => {
          const before = newSerials(process.lines).size
          return process.until(`${count} rotations`, (lines) => newSerials(lines).size >= before + count)
        }),
      )
    await Promise.all(clients.map(({ process }) => process.until('an answer', (lines) => lines.length >= 2)))
    await rotations(2)
    await stack.admin('ca', 'rotate', 'spiffe_x509', '--now')
    await rotations(2)

    const rows = JSON.parse((await stack.admin('audit', 'list', '--json')).stdout) as AuditRow[]
    const activated = rows.findLastIndex(
      ({ event, detail }) => event === 'ca.activated' && detail.purpose === 'spiffe_x509',
    )
    const issued = rows.flatMap(({ event, detail }, index) =>
      event === 'x509_svid.issued' ? [{ id: detail.spiffeId, byNewCa: index > activated }] : [],
    )
    for (const { name } of there) {
      assert.ok(
        issued.some(({ id, byNewCa }) => byNewCa && id === idOf(name)),
        `${name} has one of the new CA`,
      )
    }

    for (const { title, client, process } of clients) {
      await t.test(title, (subtest) => {
        const lines = [...process.lines]
        const answers = answersOf(lines)
        const failed = lines.filter((line) => !ANSWER.test(line))
        assert.deepEqual(failed, [], process.stderr)
        assert.deepEqual([...new Set(answers.map(({ id }) => id))], [idOf(client)])
        const [kept, fresh] = [
          answers.filter(({ kind }) => kind === 'kept'),
          answers.filter(({ kind }) => kind === 'new'),
        ]
        assert.equal(new Set(kept.map(({ port }) => port)).size, 1, 'a single connection')
        assert.equal(new Set(kept.map(({ serial }) => serial)).size, 1)
        // Ports may be reused, so there are fewer ports than connections.
        const ports = new Set(fresh.map(({ port }) => port)).size
        assert.ok(ports > fresh.length / 2, `${ports} ports for ${fresh.length} connections`)
        subtest.diagnostic(
          `${title}: ${lines.length} requests sent, ${failed.length} failed; ${kept.length} on one connection, ` +
            `${fresh.length} on a new one each, with ${newSerials(lines).size} certificates`,
        )
      })
    }
    t.diagnostic(
      there.map(({ name, title }) => `${name}: ${title}, uid ${oneUser ? 'ours' : UIDS[name]}`).join('; '),
    )
    t.diagnostic(
      `${issued.length} certificates issued, ${issued.filter(({ byNewCa }) => byNewCa).length} by the new CA`,
    )
    if (oneUser !== undefined)
      t.diagnostic(`all ran as one user, distinguished by their executables: ${oneUser}`)
  })

  for (const [server, client] of PAIRS) {
    const skip = skippedOf(server) || skippedOf(client)

    it(`client ${client} refuses server ${server} with another ID`, { skip }, async () => {
      const [serving, address] = await serve(server, idOf(client))
      await using _serving = serving
      await using calling = call(client, address, STRANGER, '-count', '1')
      assert.equal(await calling.ended(), 1)
      assert.equal(calling.lines.length, 2)
      for (const line of calling.lines) assert.match(line, /^(?:kept|new): failed: /)
    })

    it(`server ${server} refuses client ${client} with another ID`, { skip }, async () => {
      const [serving, address] = await serve(server, STRANGER)
      await using _serving = serving
      await using calling = call(client, address, idOf(server), '-count', '1')
      assert.equal(await calling.ended(), 1)
      assert.equal(calling.lines.length, 2)
      for (const line of calling.lines) assert.match(line, /^(?:kept|new): failed: /)
    })
  }

  for (const name of CLIENTS) {
    const skip = skippedOf(name)
    if (skip) it(`the lane ${name}`, { skip }, () => undefined)
  }
})
