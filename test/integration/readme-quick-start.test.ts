import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'

const root = path.resolve(import.meta.dirname, '../..')
const LISTEN = '127.0.0.1:7443'

/**
 * The commands under one heading of the quick start, as a person would paste them. Only the port
 * differs, because it may be in use.
 */
function block(name: string, port: number): string {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
  const [, commands] =
    new RegExp(`<!-- quick-start:${name} -->\\n\`\`\`sh\\n([\\s\\S]*?)\`\`\`\\n<!-- /quick-start -->`).exec(
      readme,
    ) ?? []
  assert.ok(commands, `README.md has no block ${name}`)
  return commands.replaceAll(LISTEN, `127.0.0.1:${port}`)
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  return port
}

/** A bash that somebody pastes into, in the clone's directory, with a home of its own. */
class Shell implements AsyncDisposable {
  readonly #home: string
  readonly #bash: ChildProcess
  #output = ''
  #pasted = 0

  constructor() {
    this.#home = mkdtempSync(path.join(tmpdir(), 'signet-readme-'))
    const own = /^(SIGNET_|SPIFFE_|XDG_|NODE_OPTIONS|NODE_TEST)/
    const kept = Object.entries(process.env).filter(([name]) => !own.test(name))
    this.#bash = spawn('bash', ['--norc', '--noprofile'], {
      cwd: root,
      env: { ...Object.fromEntries(kept), HOME: this.#home },
      detached: true, // a process group of its own: nothing that it started is left behind
    })
    const hear = (text: Buffer): void => {
      this.#output += text.toString('utf8')
      this.#bash.emit('said')
    }
    this.#bash.stdout?.on('data', hear)
    this.#bash.stderr?.on('data', hear)
    this.#bash.stdin?.write('exec 2>&1\n') // one order, as on a terminal
  }

  get home(): string {
    return this.#home
  }

  /** What the commands printed, on both outputs. */
  async paste(commands: string): Promise<string> {
    const end = `--- pasted ${++this.#pasted} ---`
    this.#output = ''
    this.#bash.stdin?.write(`${commands}\necho '${end}'\n`)
    const signal = AbortSignal.timeout(90_000)
    while (!this.#output.includes(end)) {
      assert.equal(this.#bash.exitCode, null, `bash ended: ${this.#output}`)
      await once(this.#bash, 'said', { signal })
    }
    return this.#output.replace(end, '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#bash.exitCode === null) {
      const ended = once(this.#bash, 'exit')
      process.kill(-(this.#bash.pid ?? 0), 'SIGKILL')
      await ended
    }
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 })
  }
}

describe('the quick start of README.md', () => {
  it('works when pasted', async () => {
    await using shell = new Shell()
    const port = await freePort()

    const started = await shell.paste(block('authority', port))
    assert.match(started, /role demo created\nbot laptop created\nworkload_identity shell created/)
    const [, joinLine] = /^ *(SIGNET_JOIN_SECRET=\S+ signet agent run .*)$/m.exec(started) ?? []
    assert.ok(joinLine, started)

    await shell.paste(`${joinLine} 2> $SIGNET_HOME/agent.log &`)
    const fetched = await shell.paste(block('workload', port))
    const id = `spiffe://example.org/demo/user-${process.getuid?.()}`
    assert.match(fetched, /authority: +\S+ \(connected\)/)
    assert.equal(
      fetched.split(`SPIFFE ID: ${id}\n`).length - 1,
      2,
      `an X.509-SVID and a JWT-SVID: ${fetched}`,
    )
    assert.match(fetched, /"aud":\["my-service"\]/)
    assert.ok(fetched.includes(`granted ${id} by allow[0]`), fetched)
    assert.match(fetched, / join\.accepted +bot:laptop\//)
    assert.match(fetched, / x509_svid\.issued +bot:laptop\//)
    assert.match(fetched, /the audit log is intact: \d+ events/)

    const locked = await shell.paste(block('lock', port))
    assert.match(locked, /lock bot-laptop created\n[\s\S]*no identity issued[\s\S]*lock bot-laptop deleted/)

    await shell.paste(block('end', port))
    const rest = await shell.paste('jobs -r; ls -A ~')
    assert.equal(rest.replaceAll(/\.npm|\.cache/g, '').trim(), '', `left behind in ${shell.home}`)
  })
})
