import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { SqliteDatastore } from '../../src/authority/datastore/sqlite/sqlite-datastore.ts'
import { TrialPlace } from '../../src/cli/commands/trial/place.ts'
import { loadSealingKey } from '../../src/crypto/sealed.ts'
import { readDocument } from '../../tools/documents/read.ts'
import { steadyTrial } from '../../tools/trial-picture/steady.ts'
import { textOf } from '../../tools/trial-picture/terminal.ts'
import { datastoreDeps, execute } from '../support/datastore-deps.ts'
import { readIdentity, writeIdentity } from '../support/stored-identity.ts'

const BINARY = path.resolve(import.meta.dirname, '../../bin/signet.js')

/** One run of `signet trial`; what it prints can be waited for. */
class Trial {
  readonly child: ChildProcess
  output = ''
  #heard: () => void = () => undefined

  constructor(...args: readonly string[]) {
    this.child = spawn(process.execPath, [BINARY, 'trial', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
        this.#heard()
      })
    }
    this.child.once('close', () => this.#heard())
  }

  async says(wanted: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = wanted.exec(this.output)
      if (found) return found
      assert.equal(this.child.exitCode ?? this.child.signalCode, null, this.output)
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }

  async ended(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'close')
    return this.child.exitCode
  }
}

/** The numbers of authority and agent. */
function programsOf({ output }: Trial): number[] {
  return Array.from(output.matchAll(/^(?:authority|agent): +process (\d+)/gm), ([, pid]) => Number(pid))
}

/** Resolves when no process has this number any more; its parent is gone, so init reaps it. */
async function gone(pid: number): Promise<void> {
  while (await isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20))
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    return !/\) Z/.test(await readFile(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false // there is no such process
  }
}

/**
 * Leaves behind what a pause of this length would, if it is longer than a bot certificate may be
 * renewed: the authority has deleted the instance, and everything that the agent has expired long
 * ago.
 */
async function pauseFor(trial: string, ms: number): Promise<void> {
  const kek = Buffer.from((await readFile(path.join(trial, 'keys', 'kek'), 'utf8')).trim(), 'hex')
  const deps = datastoreDeps({ kek: loadSealingKey(kek), past: 'sealed' })
  const datastore = await SqliteDatastore.open(path.join(trial, 'authority', 'authority.db'), deps)
  await datastore.transaction((tx) => execute(tx, 'DELETE FROM bot_instances'))
  await datastore[Symbol.asyncDispose]()
  const places = [path.join(trial, 'agent'), path.join(trial, 'keys', 'agent-state-key')] as const
  const identity = await readIdentity(...places)
  identity.current.received_ms -= ms
  await writeIdentity(...places, identity)
}

describe('signet trial', () => {
  let directory: string
  const trials: Trial[] = []
  const start = (...args: readonly string[]): Trial => {
    const trial = new Trial('--dir', path.join(directory, 'trial'), ...args)
    trials.push(trial)
    return trial
  }

  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'signet-'))
  })

  afterEach(async () => {
    for (const trial of trials.splice(0)) {
      trial.child.kill('SIGKILL')
      await trial.ended()
    }
  })

  after(() => rm(directory, { recursive: true, force: true }))

  it('--once shows caller, rule, SVIDs and claims, ends with 0 and leaves nothing running', async () => {
    const trial = start('--once')
    assert.equal(await trial.ended(), 0, trial.output)
    const uid = process.getuid?.()
    for (const wanted of [
      `uid ${uid}`,
      `spiffe://trial.example/user/${uid} by allow[0]`,
      'spiffe://trial.example/program/node by allow[0]',
      'X.509',
      'JWT',
      'serial ',
      'jti ',
      'its SVID is on the stream after',
      'its SVID is withdrawn after',
    ]) {
      assert.ok(trial.output.includes(wanted), `${wanted} is missing in ${trial.output}`)
    }
    assert.equal(
      steadyTrial(trial.output),
      textOf(readDocument('docs/trial.svg')),
      'node tools/trial-picture.ts',
    )
    for (const pid of programsOf(trial)) await gone(pid)
    for (const name of ['authority', 'agent', 'keys']) {
      const { mode } = await stat(path.join(directory, 'trial', name))
      assert.equal(mode & 0o777, 0o700, name)
    }
    assert.ok(!(await readdir(path.join(directory, 'trial', 'authority'))).includes('kek'))
  })

  // A start takes seconds, so each of the next tests is given what the one before it left behind.

  it('continues with its state, refuses to run twice, and stops both programs on Ctrl-C', async () => {
    const first = start()
    await first.says(/Waiting/)
    assert.match(first.output, /goes on as the bot it was/)
    assert.doesNotMatch(first.output, /created:/)
    const second = start()
    assert.equal(await second.ended(), 6)
    assert.match(second.output, /a trial runs in .* already/)
    first.child.kill('SIGINT')
    assert.equal(await first.ended(), 0, first.output)
    for (const pid of programsOf(first)) assert.ok(!(await isAlive(pid)))
  })

  it('joins again if the agent has lost its identity, and stops both programs when it is killed', async () => {
    await rm(path.join(directory, 'trial', 'agent'), { recursive: true })
    const trial = start()
    await trial.says(/Waiting/)
    assert.match(trial.output, /joined with the token/)
    trial.child.kill('SIGKILL')
    const pids = programsOf(trial)
    assert.equal(pids.length, 2)
    for (const pid of pids) await gone(pid)
  })

  it('joins again if the authority has lost its data, and ends with the last words of an agent that dies', async () => {
    await rm(path.join(directory, 'trial', 'authority'), { recursive: true })
    await endsWithLastWordsOf('agent')
  })

  it('joins again after a pause past the grace time, and ends with the last words of an authority that dies', async () => {
    await pauseFor(path.join(directory, 'trial'), 30 * 86_400_000)
    const output = await endsWithLastWordsOf('authority')
    assert.doesNotMatch(output, /created:/, 'the authority is the one it was')
  })

  async function endsWithLastWordsOf(name: 'agent' | 'authority'): Promise<string> {
    const trial = start()
    const [, pid] = await trial.says(new RegExp(`${name}: +process (\\d+)`))
    await trial.says(/Waiting/)
    assert.match(trial.output, /joined with the token/)
    process.kill(Number(pid), 'SIGKILL')
    assert.equal(await trial.ended(), 5, trial.output)
    const lastWords = new RegExp(`the ${name} was ended by SIGKILL; its last words:\\nsignet: +\\{`)
    assert.match(trial.output, lastWords)
    return trial.output
  }

  it('works in a directory whose name is long and not valid in a URI, with its sockets elsewhere', async () => {
    const trial = new Trial('--once', '--dir', path.join(directory, `my trial #1?${'x'.repeat(90)}`))
    trials.push(trial)
    assert.equal(await trial.ended(), 0, trial.output)
    const [, run] = /characters .* the sockets are in (\S+)\)/.exec(trial.output) ?? []
    assert.ok(run, trial.output)
    assert.equal((await stat(run)).mode & 0o777, 0o700)
    await rm(run, { recursive: true })
  })

  for (const [why, name] of [
    ['is too long', 'x'.repeat(90)],
    ['has characters', 'my trial #1?'],
  ] as const) {
    it(`puts its sockets elsewhere when the path of its directory ${why}, and says so`, async () => {
      const own = path.join(directory, name)
      using place = await TrialPlace.take(own)
      const run = path.dirname(path.dirname(place.workloadSocket))
      await rm(run, { recursive: true })
      assert.ok(!run.startsWith(own), run)
      const note = place.note ?? ''
      assert.ok(note.startsWith(`the path of this directory ${why} `), note)
      assert.ok(note.endsWith(`the sockets are in ${run}`), note)
    })
  }

  it('finds a directory for its sockets when TMPDIR is not usable', async (t) => {
    const former = process.env['TMPDIR']
    t.after(() => {
      if (former === undefined) delete process.env['TMPDIR']
      else process.env['TMPDIR'] = former
    })
    const long = path.join(directory, 'x'.repeat(120))
    process.env['TMPDIR'] = '/dev/null'
    using place = await TrialPlace.take(long)
    const run = path.dirname(path.dirname(place.workloadSocket))
    await rm(run, { recursive: true })
    assert.match(run, /^\/tmp\//)
  })
})
