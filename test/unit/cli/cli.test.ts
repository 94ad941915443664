import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { COMMANDS } from '../../../src/cli/command-catalogue.ts'
import { configFromFlags } from '../../../src/cli/commands/agent/flags.ts'
import { exitCodeOf } from '../../../src/cli/exit-codes.ts'
import { parseTargets } from '../../../src/cli/lock-target.ts'
import { formatFields, formatTable } from '../../../src/cli/output.ts'
import { CodedError, type ErrorKind } from '../../../src/foundation/errors.ts'

class SampleError extends CodedError {
  override readonly name = 'SampleError'
  readonly code = 'ERR_SAMPLE'
  readonly kind: ErrorKind

  constructor(kind: ErrorKind) {
    super('sample')
    this.kind = kind
  }
}

describe('exit codes', () => {
  for (const [kind, code] of Object.entries({
    invalid_argument: 2,
    unauthenticated: 4,
    permission_denied: 4,
    not_found: 3,
    already_exists: 6,
    failed_precondition: 6,
    unavailable: 5,
    resource_exhausted: 5,
    unimplemented: 2,
    internal: 70,
  } satisfies Record<ErrorKind, number>)) {
    it(`map ${kind} to ${code}`, () => assert.equal(exitCodeOf(new SampleError(kind as ErrorKind)), code))
  }
  it('map a defect to 70', () => assert.equal(exitCodeOf(new TypeError('x')), 70))
})

describe('output', () => {
  it('aligns the columns of a table', () => {
    assert.equal(formatTable(['A', 'BB'], [['long', 'x']]), 'A     BB\nlong  x')
  })

  it('aligns fields and leaves out unknown ones', () => {
    assert.equal(formatFields({ a: '1', long: '2', gone: undefined }), 'a:    1\nlong: 2')
  })

  it('shows nothing that controls a terminal', () => {
    const host = 'a\u001b[31mb\u202ec\n01J  forged'
    for (const shown of [formatTable(['HOST'], [[host]]), formatFields({ host })]) {
      assert.doesNotMatch(shown, /(?!\n)[\p{Cc}\p{Cf}]|^01J/mu)
      assert.match(shown, /a\\x1b\[31mb\\u202ec\\n01J {2}forged/)
    }
  })
})

describe('the catalogue', () => {
  it('has each command once', () => {
    const names = COMMANDS.map(({ path }) => path.join(' '))
    assert.deepEqual(names, [...new Set(names)])
  })
  for (const { path, load } of COMMANDS) {
    it(`has code for ${path.join(' ')}`, async () => assert.equal(typeof (await load()).define, 'function'))
  }
})

describe('a lock target', () => {
  it('is exactly one thing', () => {
    assert.deepEqual(parseTargets({ botInstance: ['x'] }), [{ field: 'bot_instance', value: 'x' }])
    assert.throws(() => parseTargets({}), { code: 'ERR_CLI_USAGE' })
    assert.throws(() => parseTargets({ bot: ['a'], joinToken: ['b'] }), { code: 'ERR_CLI_USAGE' })
  })
  it('or several of one kind, each once', () => {
    assert.deepEqual(parseTargets({ bot: ['a', 'b', 'a'], joinToken: [] }), [
      { field: 'bot', value: 'a' },
      { field: 'bot', value: 'b' },
    ])
  })
})

describe('flags of agent run', () => {
  const here = { root: true, environment: {} }

  it('are no configuration when there are none', () => assert.equal(configFromFlags({}, here), undefined))

  it('take the secret from the environment unless a file is named', () => {
    const environment = { SIGNET_JOIN_SECRET: 's' }
    const flags = { authority: 'a:1', pin: 'p', token: 't' }
    const joinOf = (config: object | undefined): unknown => (config as { join: object }).join
    assert.deepEqual(joinOf(configFromFlags(flags, { root: true, environment })), {
      token: 't',
      secret: { env: 'SIGNET_JOIN_SECRET' },
    })
    assert.deepEqual(joinOf(configFromFlags({ ...flags, secretPath: 'f' }, { root: true, environment })), {
      token: 't',
      secret_path: 'f',
    })
    assert.deepEqual(joinOf(configFromFlags(flags, here)), { token: 't' })
  })

  it('give a named agent paths of its own', () => {
    const config = configFromFlags({ name: 'b' }, here) as {
      data_dir: string
      workload_api: { socket: string }
    }
    assert.equal(config.data_dir, '/var/lib/signet-agent-b')
    assert.equal(config.workload_api.socket, '/run/signet/b/agent.sock')
  })
})
