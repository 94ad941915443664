import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { signet, signetBinary } from '../support/command.ts'
import { startAuthority, type TestAuthority } from '../support/start-authority.ts'

const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0

describe('what a shell offers', () => {
  let authority: TestAuthority
  before(async () => {
    authority = await startAuthority()
    await authority.apply(
      'kind: bot\nversion: v1\nmetadata: { name: builder }\nspec: { roles: [] }\n---\nkind: bot\nversion: v1\nmetadata: { name: big }\nspec: { roles: [] }',
    )
  })
  after(() => authority[Symbol.asyncDispose]())

  const offered = async (...words: readonly string[]): Promise<string[]> => {
    const env = { SIGNET_ADMIN_SOCKET: authority.adminSocket }
    const { code, stdout, stderr } = await signet(['__complete', ...words], { env })
    assert.deepEqual([code, stderr], [0, ''])
    return stdout.split('\n').filter(Boolean)
  }

  for (const [words, wanted] of [
    [['aud'], ['audit']],
    [['he'], ['help']],
    [['--v'], ['--version']],
    [
      ['audit', ''],
      ['list', 'archive', 'trace', 'verify'],
    ],
    [['help', 'svid', 'f'], ['fetch']],
    [['svid', 'fetch', 'j'], ['jwt']],
    [['svid', 'fetch', 'jwt', '--spi'], ['--spiffe-id']],
    [
      ['get', 'bot'],
      ['bot', 'bot_instance'],
    ],
    [
      ['get', 'bot', ''],
      ['big', 'builder'],
    ],
    [['delete', 'bot', 'bu'], ['builder']],
    [['lock', '--bot', 'bu'], ['builder']],
    [
      ['lock', '--bot', 'big', '--bot', ''],
      ['big', 'builder'],
    ],
    [['token', 'create', '--bot', 'bi'], ['big']],
    [
      ['audit', 'list', '--event', 'lock.'],
      ['lock.created', 'lock.deleted'],
    ],
    [['bundle', 'fetch', '--format', 'j'], ['jwks']],
    [['apply', '-f', 'x'], [':files']],
    [['apply', '--filename', 'x'], [':files']],
    [['svid', 'inspect', 'x'], [':files']],
    [['completion', 'z'], ['zsh']],
    [['get', 'bot', 'builder', ''], []],
    [['nothing', ''], []],
    [['nothing', 'more', ''], []],
    [['token', 'create', '--ttl', ''], []],
  ] as const) {
    it(`after signet ${words.join(' ')}`, async () => assert.deepEqual(await offered(...words), wanted))
  }

  it('a flag is offered once, unless it may be repeated', async () => {
    assert.ok(!(await offered('token', 'create', '--bot', 'a', '--')).includes('--bot'))
    assert.ok((await offered('lock', '--bot', 'a', '--')).includes('--bot'))
    assert.ok(!(await offered('agent', 'run', '--')).includes('--until-stdin-ends'))
  })

  it('no names without an authority', async () => {
    const done = await signet(['__complete', 'get', 'bot', '', '--admin-socket', '/no', ''])
    assert.deepEqual(done, { code: 0, stdout: '\n', stderr: '' })
    const none = await signet(['__complete', 'lock', '--admin-socket', '/no', '--bot', ''])
    assert.deepEqual(none, { code: 0, stdout: '\n', stderr: '' })
  })

  it('bash completes words, names and files by the script', { skip: !has('bash') }, async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-'))
    try {
      const program = `#!/bin/sh\nexec '${process.execPath}' '${signetBinary}' "$@"\n`
      await writeFile(path.join(directory, 'signet'), program, { mode: 0o755 })
      await writeFile(path.join(directory, 'my file.yaml'), '')
      const { stdout: script } = await signet(['completion', 'bash'])
      const complete = (...words: readonly string[]): string => {
        const line = words.map((word) => `'${word}'`).join(' ')
        const typed = `${script}\nCOMP_WORDS=(signet ${line})\nCOMP_CWORD=${words.length}\n_signet\nprintf '%s\\n' "\${COMPREPLY[@]}"`
        const env = {
          ...process.env,
          PATH: `${directory}:${process.env['PATH']}`,
          SIGNET_ADMIN_SOCKET: authority.adminSocket,
        }
        const done = spawnSync('bash', ['-c', typed], { encoding: 'utf8', cwd: directory, env })
        assert.equal(done.stderr, '')
        return done.stdout
      }
      assert.equal(complete('lock', '--spi'), '--spiffe-id\n')
      assert.equal(complete('apply', '-f', 'my'), 'my file.yaml\n')
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  for (const [shell, check] of [
    ['bash', /^_signet\(\) \{[\s\S]*complete -F _signet signet\n$/],
    ['zsh', /^#compdef signet\n[\s\S]*compdef _signet signet; fi\n$/],
    ['fish', /^function __signet_complete\n[\s\S]*complete -c signet -f -a '\(__signet_complete\)'\n$/],
  ] as const) {
    it(`${shell} has a script that asks the program`, async () => {
      const { code, stdout } = await signet(['completion', shell])
      assert.equal(code, 0)
      assert.match(stdout, check)
      assert.match(stdout, /signet __complete /)
      if (has(shell)) assert.equal(spawnSync(shell, ['-n'], { input: stdout }).status, 0)
    })
  }

  it('no other shell has one', async () => {
    const { code, stderr } = await signet(['completion', 'tcsh'])
    assert.equal(code, 2)
    assert.match(stderr, /bash, zsh, fish/)
  })
})
