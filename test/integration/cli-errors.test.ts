import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { signet, signetProcess } from '../support/command.ts'
import { bot, Operator } from '../support/operator.ts'
import type { TestAuthority } from '../support/start-authority.ts'

const UID = process.getuid?.() ?? 0

/** What an operator is told about a mistake. */
describe('the errors of commands', () => {
  let operator: Operator
  let authority: TestAuthority
  before(async () => {
    operator = await Operator.start()
    authority = operator.authority
  })
  after(() => operator[Symbol.asyncDispose]())

  const run: Operator['run'] = (...args) => operator.run(...args)
  const done: Operator['done'] = (...args) => operator.done(...args)
  const file: Operator['file'] = (...args) => operator.file(...args)

  describe('what is wrong is said', () => {
    it('with the code of the error, as the authority names it', async () => {
      const { code, stdout, stderr } = await run('get', 'bot', 'nobody')
      assert.equal(code, 3)
      assert.deepEqual([stdout, stderr], ['', 'signet: there is no bot nobody (ERR_RESOURCE_NOT_FOUND)\n'])
    })
    it('as an object with --json, and where the code is explained', async () => {
      const { stdout, stderr } = await run('get', 'bot', 'nobody', '--json')
      assert.equal(stdout, '')
      const { error } = JSON.parse(stderr)
      assert.deepEqual(error, {
        code: 'ERR_RESOURCE_NOT_FOUND',
        kind: 'not_found',
        message: 'there is no bot nobody',
        exitCode: 3,
        documentation: 'docs/reference/errors.md#err_resource_not_found',
      })
      const reference = await readFile(
        path.resolve(import.meta.dirname, '../../docs/reference/errors.md'),
        'utf8',
      )
      assert.ok(reference.includes('<a id="err_resource_not_found"></a>'))
    })
    it('by an exit code: 6 for what was changed meanwhile', async () => {
      const stale = bot('ci', '[all]').replace('name: ci', 'name: ci, revision: "1"')
      const { code, stderr } = await run('apply', '-f', await file('stale.yaml', stale))
      assert.equal(code, 6)
      assert.match(stderr, /was read at revision 1.*\n.*\(ERR_RESOURCE_CHANGED\)\n$/)
      const worse = await file('worse.yaml', `${stale}\n---\nkind: bot`)
      assert.equal((await run('apply', '-f', worse)).code, 2)
    })
    it('by an exit code: 4 for a socket that one may not use', {
      skip: UID === 0 ? false : 'needs root',
    }, async () => {
      const args = ['get', 'bot', '--admin-socket', authority.adminSocket]
      const { code, stderr } = await signetProcess(args, { uid: 12_345 })
      assert.equal(code, 4)
      assert.match(stderr, /no permission to use the socket/)
    })
    it('with what may be meant', async () => {
      const typos =
        'kind: bott\nversion: v1\nmetadat: {}\nspec: {}\n---\nkind: bot\nmetadata: { name: a }\nspec: { rols: [] }'
      const { stderr } = await run('apply', '-f', await file('typos.yaml', typos))
      assert.match(stderr, /:1: kind: expected .*: did you mean bot\?/)
      assert.match(stderr, /:3: metadat: unknown key: did you mean metadata\?/)
      assert.match(stderr, /:6: version: is required/)
      const config = 'version: 1\nlisten: "*:1"\ndatadir: x'
      const checked = await run('authority', 'run', '--check', '--config', await file('a.yaml', config))
      assert.match(checked.stderr, /listen: .* write 0\.0\.0\.0:1 or \[::\]:1/)
      assert.match(checked.stderr, /datadir: unknown key: did you mean data_dir\?/)
    })
    it('in one sentence for a uid without account and HOME', {
      skip: UID === 0 ? false : 'needs root',
    }, async () => {
      const env = { HOME: undefined, XDG_CONFIG_HOME: undefined, XDG_STATE_HOME: undefined }
      const args = [
        'agent',
        'run',
        '--check',
        '--authority',
        'a.example:1',
        '--pin',
        `sha256:${'0'.repeat(64)}`,
        '--token',
        't',
      ]
      const { code, stderr } = await signetProcess(args, {
        env: { ...env, SIGNET_JOIN_SECRET: 's' },
        uid: 54_321,
      })
      assert.equal(code, 6, stderr)
      assert.match(
        stderr,
        /^signet: uid 54321 has no account, .*: set HOME, or SIGNET_HOME \(ERR_CONFIG_HOME_UNKNOWN\)\n$/,
      )
    })
    it('with the ways to name another socket', async () => {
      const { stderr } = await signet(['svid', 'fetch', 'x509'], {
        env: { SIGNET_HOME: authority.directory, SPIFFE_ENDPOINT_SOCKET: undefined },
      })
      assert.match(stderr, /run\/agent\.sock .*--socket or SPIFFE_ENDPOINT_SOCKET names another socket/)
    })
  })

  it('signet help shows what --help shows', async () => {
    for (const words of [[], ['svid'], ['svid', 'fetch'], ['lock']]) {
      assert.equal(await done('help', ...words), await done(...words, '--help'))
    }
    assert.match((await run('help', 'lokc')).stdout + (await run('lokc')).stderr, /did you mean lock\?/)
  })
})
