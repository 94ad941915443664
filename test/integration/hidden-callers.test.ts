import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { callHeaders, END_HEADERS, END_STREAM, frame, GREETING, message, TYPE } from '../support/frames.ts'
import { type Serving, startServing } from '../support/serving.ts'

const UID = process.getuid?.() ?? 0
const GROUP = 31_337
const NEEDS_ROOT = UID === 0 ? false : 'needs root, to take a group'

/** A workload that hides attributes. It sends the HTTP/2 that the test gives it. */
class Hiding implements Disposable {
  readonly #child
  readonly #lines: AsyncIterator<string>

  constructor(socket: string, ...how: readonly string[]) {
    const script = path.join(import.meta.dirname, '../support/hiding.py')
    this.#child = spawn('python3', [script, socket, ...how], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  async says(what: string): Promise<void> {
    assert.equal((await this.#lines.next()).value, what)
  }

  tell(what: string | Buffer): void {
    this.#child.stdin.write(`${typeof what === 'string' ? what : what.toString('hex')}\n`)
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }
}

/** A FetchX509SVID call on this stream. */
function call(stream: number): Buffer {
  const headers = callHeaders('/SpiffeWorkloadAPI/FetchX509SVID')
  return Buffer.concat([
    frame(TYPE.headers, END_HEADERS, stream, headers),
    frame(TYPE.data, END_STREAM, stream, message()),
  ])
}

async function event(serving: Serving, wanted: string): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    const found = serving.events.find(({ event: name }) => name === wanted)
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('a caller that hides an attribute that a rule uses', () => {
  it('is refused if its main thread has exited, so that it cannot evade a deny by executable', async () => {
    await using serving = await startServing({
      identities: {
        web: {
          spiffe_id: '/web',
          allow: [{ match: { 'workload.unix.uid': UID } }],
          deny: [{ match: { 'workload.unix.binary_path': { glob: '/**/python3*' } } }],
        },
      },
    })
    using hiding = new Hiding(serving.socket, 'no-leader')
    await hiding.says('connected')
    hiding.tell(Buffer.concat([GREETING, call(1)]))
    const failed = await event(serving, 'attestation.failed')
    assert.match(String(failed['reason']), /executable cannot be seen/)
    assert.equal(serving.issuer.asked.x509.length, 0)
  })

  it('is disconnected once it drops the group that allowed it', { skip: NEEDS_ROOT }, async () => {
    await using serving = await startServing({
      identities: {
        web: { spiffe_id: '/web', allow: [{ match: { 'workload.unix.groups': GROUP } }] },
      },
    })
    using hiding = new Hiding(serving.socket, 'groups', String(GROUP))
    await hiding.says('connected')
    hiding.tell(Buffer.concat([GREETING, call(1)]))
    while (serving.issuer.asked.x509.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    hiding.tell('drop')
    await hiding.says('dropped')
    hiding.tell(call(3))
    assert.equal((await event(serving, 'process.changed'))['reason'], 'other groups')
  })
})
