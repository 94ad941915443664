import assert from 'node:assert/strict'
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { type AgentConfig, parseAgentConfig } from '../../src/config/agent-config.ts'
import { ConfigCache } from '../../src/config/config-cache.ts'
import { loadAgentConfig } from '../../src/config/load-agent-config.ts'

const PIN = `sha256:${'a'.repeat(64)}`
const SMALL = `version: 1\nauthority: { address: "localhost:7443", pin: "${PIN}" }\njoin: { token: t }\n`
const LARGE = `${SMALL.replace('token: t', 'token: t, secret_path: ./secret')}data_dir: ./data
state_key: { env: STATE_KEY }
workload_api: { socket: ./a.sock, max_connections: 7 }
metrics: { listen: "127.0.0.1:1" }
log: { level: debug }
attestation: { digest_max_bytes: 1MiB, digest_timeout: 250ms }
`
/** Each line is valid, but the whole is not. */
const CONTRADICTION = `${SMALL}data_dir: ./data\nstate_key: { path: ./data/key }\n`
const FILE = '/srv/x/agent.yaml'
const root = process.geteuid?.() === 0

class Directory implements AsyncDisposable {
  readonly path: string

  constructor(made: string) {
    this.path = made
  }

  static async create(): Promise<Directory> {
    return new Directory(await mkdtemp(path.join(tmpdir(), 'signet-config-cache-')))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}

/** Loads a configuration and waits for what is written to the cache. */
async function load(text: string, fileName: string, cache: ConfigCache): Promise<AgentConfig> {
  let written: Promise<void> | undefined
  const keep = (...entry: Parameters<ConfigCache['keep']>): Promise<void> => {
    written = cache.keep(...entry)
    return written
  }
  try {
    return await loadAgentConfig(text, fileName, { find: (sought) => cache.find(sought), keep })
  } finally {
    await written
  }
}

/** The path of the only cache entry. */
async function entryOf(directory: string): Promise<string> {
  const [name, ...more] = await readdir(directory)
  assert.ok(name !== undefined && more.length === 0)
  return path.join(directory, name)
}

describe('a checked configuration', () => {
  for (const [name, text] of Object.entries({ SMALL, LARGE })) {
    it(`is the same from the cache as from the text: ${name}`, async () => {
      await using directory = await Directory.create()
      const cache = new ConfigCache(directory.path, 'p')
      const expected = parseAgentConfig(text, FILE)
      assert.deepEqual(await load(text, FILE, cache), expected)
      assert.notEqual(cache.find(text), undefined)
      assert.deepEqual(await load(text, FILE, cache), expected)
    })
  }

  it('is cached when it is read for the first time, readable by its owner only', async () => {
    await using directory = await Directory.create()
    const place = path.join(directory.path, 'configs')
    const cache = new ConfigCache(place, 'p')
    await load(SMALL, FILE, cache)
    assert.equal((await stat(place)).mode & 0o777, 0o700)
    assert.equal((await stat(await entryOf(place))).mode & 0o777, 0o600)
  })

  it('is not used for another text or another version of the program', async () => {
    await using directory = await Directory.create()
    await new ConfigCache(directory.path, 'p').keep(SMALL, { known: true })
    assert.deepEqual(new ConfigCache(directory.path, 'p').find(SMALL), { known: true })
    assert.equal(new ConfigCache(directory.path, 'p').find(`${SMALL} `), undefined)
    assert.equal(new ConfigCache(directory.path, 'q').find(SMALL), undefined)
  })

  it('is not cached if it has mistakes, which are reported every time', async () => {
    await using directory = await Directory.create()
    const cache = new ConfigCache(directory.path, 'p')
    for (let i = 0; i < 2; i++) {
      await assert.rejects(load(CONTRADICTION, FILE, cache), (error: Error) => {
        assert.match(error.message, /^\/srv\/x\/agent\.yaml:5: state_key: lies inside data_dir/)
        return true
      })
    }
    assert.deepEqual(await readdir(directory.path), [])
  })

  it('is checked again when the file has moved: a contradiction there is reported with its line', async () => {
    await using directory = await Directory.create()
    const cache = new ConfigCache(directory.path, 'p')
    const text = `${SMALL}workload_api: { socket: ./a.sock }\n`
    await cache.keep(text, await dataOf(text))
    const far = `/${'d'.repeat(120)}/agent.yaml`
    await assert.rejects(load(text, far, cache), /agent\.yaml:4: workload_api\.socket: \S+ has 128 bytes/)
  })

  const spoil: Readonly<Record<string, (file: string, directory: string) => Promise<unknown>>> = {
    'is cut': async (file) => writeFile(file, (await readFile(file, 'utf8')).slice(0, -3)),
    'is garbage': (file) => writeFile(file, Buffer.alloc(500, 0xff)),
    'is empty': (file) => writeFile(file, ''),
    'has one letter changed': async (file) =>
      writeFile(file, (await readFile(file, 'utf8')).replace('localhost', 'locelhost')),
    'may be written by others': (file) => chmod(file, 0o602),
    'may be written by the group': (file) => chmod(file, 0o620),
    'is a link': async (file, directory) => {
      await writeFile(path.join(directory, '..', 'elsewhere'), await readFile(file), { mode: 0o600 })
      await rm(file)
      await symlink(path.join(directory, '..', 'elsewhere'), file)
    },
    'is a directory': async (file) => {
      await rm(file)
      await mkdir(file)
    },
    'is where others may write': (_file, directory) => chmod(directory, 0o777),
  }
  const foreign: typeof spoil = {
    'belongs to another user': (file) => chown(file, 65_534, 65_534),
    'is in a directory of another user': (_file, directory) => chown(directory, 65_534, 65_534),
  }
  for (const [what, change] of Object.entries({ ...spoil, ...foreign })) {
    const skip = what in foreign && !root ? 'only root gives files away' : false
    it(`is ignored if its entry ${what}`, { skip }, async () => {
      await using directory = await Directory.create()
      const place = path.join(directory.path, 'configs')
      const cache = new ConfigCache(place, 'p')
      await cache.keep(SMALL, await dataOf(SMALL))
      assert.notEqual(cache.find(SMALL), undefined)
      await change(await entryOf(place), place)
      assert.equal(cache.find(SMALL), undefined)
      assert.deepEqual(await load(SMALL, FILE, cache), parseAgentConfig(SMALL, FILE))
    })
  }

  it('is not cached where others may write', async () => {
    await using directory = await Directory.create()
    await chmod(directory.path, 0o777)
    await new ConfigCache(directory.path, 'p').keep(SMALL, { known: true })
    assert.deepEqual(await readdir(directory.path), [])
  })

  it('is not cached if nothing can be written', async () => {
    await using directory = await Directory.create()
    const file = path.join(directory.path, 'file')
    await writeFile(file, '')
    const cache = new ConfigCache(path.join(file, 'configs'), 'p')
    await cache.keep(SMALL, {})
    assert.deepEqual(await load(SMALL, FILE, cache), parseAgentConfig(SMALL, FILE))
  })

  it('is dropped from the cache after many others', async () => {
    await using directory = await Directory.create()
    const cache = new ConfigCache(directory.path, 'p')
    for (let i = 0; i < 20; i++) await cache.keep(`text ${i}`, { i })
    assert.equal((await readdir(directory.path)).length, 16)
    assert.deepEqual(cache.find('text 19'), { i: 19 })
  })
})

function dataOf(text: string): Promise<object> {
  return new Promise((resolve) => parseAgentConfig(text, FILE, resolve))
}
