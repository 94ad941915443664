import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type BotClient, joinWith, renewBot } from '../support/bot-client.ts'
import { bot, Operator } from '../support/operator.ts'
import type { TestAuthority } from '../support/start-authority.ts'

const EMPTY_BUNDLE = '{"keys":[]}'

/** What an operator types, rightly and wrongly, against a running authority. */
describe('the commands of an operator', () => {
  let operator: Operator
  let authority: TestAuthority
  before(async () => {
    operator = await Operator.start()
    authority = operator.authority
  })
  after(() => operator[Symbol.asyncDispose]())

  const run: Operator['run'] = (...args) => operator.run(...args)
  const done: Operator['done'] = (...args) => operator.done(...args)
  const json: Operator['json'] = (...args) => operator.json(...args)
  const file: Operator['file'] = (...args) => operator.file(...args)

  describe('a flag that is given again', () => {
    it('apply -f takes several files, which may need each other', async () => {
      const needs = await file('needs.yaml', bot('second', '[later]'))
      const role = await file('role.yaml', 'kind: role\nversion: v1\nmetadata: { name: later }\nspec: {}')
      assert.match((await run('apply', '-f', needs)).stderr, /later/)
      assert.equal(await done('apply', '-f', needs, '-f', role), 'bot second created\nrole later created\n')
      assert.equal((await run('diff', '-f', needs, '-f', role)).code, 0)
    })
    it('a mistake in one file applies none, and is reported with its file', async () => {
      const good = await file('good.yaml', bot('third', '[]'))
      const bad = await file('bad.yaml', 'kind: bot\nversion: v1\nmetadata: { name: x }\nspec: { rols: [] }')
      const { code, stderr } = await run('apply', '-f', good, '-f', bad)
      assert.equal(code, 2)
      assert.match(stderr, /^.*bad\.yaml:4: spec\.rols: unknown key/)
      assert.equal((await run('get', 'bot', 'third')).code, 3)
    })
    it('a resource in two files is refused', async () => {
      const [one, two] = [await file('1.yaml', bot('a', '[]')), await file('2.yaml', bot('a', '[all]'))]
      assert.match((await run('apply', '-f', one, '-f', two)).stderr, /2\.yaml:3: .*already at .*1\.yaml:1/)
    })
    it('-f takes a directory: its .yaml, .yml and .json files, by name', async () => {
      await file('many/b.yml', bot('in-b', '[]'))
      await file('many/a.yaml', bot('in-a', '[]'))
      await file('many/.hidden.yaml', 'nonsense')
      await file('many/README', 'nonsense')
      await file('many/below/c.yaml', bot('in-c', '[]'))
      const { stdout, stderr } = await run('apply', '-f', path.join(authority.directory, 'many'))
      assert.equal(stdout, 'bot in-a created\nbot in-b created\n')
      assert.match(stderr, /^warning: .*below is a directory in a directory and is not read/)
      await mkdir(path.join(authority.directory, 'empty'))
      const { code, stderr: why } = await run('apply', '-f', path.join(authority.directory, 'empty'))
      assert.equal(code, 2)
      assert.match(why, /a directory without \.yaml, \.yml, \.json files/)
    })
    it('every file that cannot be read is named', async () => {
      const { code, stderr } = await run('apply', '-f', '/no/one.yaml', '-f', '/no/two.yaml')
      assert.equal(code, 2)
      assert.match(stderr, /one\.yaml: it does not exist\n.*two\.yaml: it does not exist/)
      assert.match((await run('apply', '-f', '-', '-f', '-')).stderr, /standard input ends once/)
    })
    it('lock and unlock take several of one kind, and all or none', async () => {
      assert.match(
        await done('lock', '--bot', 'builder', '--bot', 'ci'),
        /^lock bot-builder .*\nlock bot-ci /,
      )
      const { code, stderr } = await run('unlock', '--bot', 'builder', '--bot', 'nobody')
      assert.equal(code, 3)
      assert.match(stderr, /no lock on bot nobody/)
      assert.match(await done('unlock', '--bot', 'builder', '--bot', 'ci'), /bot-builder .*\nlock bot-ci /)
      assert.equal((await run('lock', '--bot', 'ci', '--bot', 'builder', '--name', 'one')).code, 2)
      assert.equal((await run('lock', '--bot', 'ci', '--join-token', 'builder')).code, 2)
      assert.deepEqual(await json('get', 'lock'), [])
    })
    it('audit list takes several events', async () => {
      const events = (await json('audit', 'list', '--event', 'lock.created', '--event', 'authority.*')) as {
        event: string
      }[]
      assert.deepEqual([...new Set(events.map(({ event }) => event))].sort(), [
        'authority.started',
        'lock.created',
      ])
    })
    it('what has one value only is refused', async () => {
      for (const args of [
        ['token', 'create', '--bot', 'ci', '--bot', 'builder'],
        ['audit', 'list', '--ref', 'a', '--ref', 'b'],
        ['explain', '--pid', '1', '--pid', '2'],
        ['delete', 'bot', 'ci', 'builder'],
      ]) {
        const { code, stderr } = await run(...args)
        assert.equal(code, 2, args.join(' '))
        assert.match(stderr, /given 2 times: give it once|one argument too many/)
      }
    })
  })

  describe('a lock on what does not exist', () => {
    for (const args of [
      ['--bot', 'nobody'],
      ['--bot', 'ci', '--bot', 'nobody'],
      ['--bot-instance', 'mistyped'],
      ['--join-token', 'nothing'],
      ['--workload-identity', 'nothing'],
      ['--spiffe-id', 'spiffe://example.com/web'],
    ]) {
      it(`signet lock ${args.join(' ')} is refused without --force`, async () => {
        const { code, stderr } = await run('lock', ...args)
        assert.equal(code, 3)
        assert.match(stderr, /nothing was locked .*--force/)
        assert.deepEqual(await json('get', 'lock'), [])
        await done('lock', ...args, '--force')
        await done('unlock', ...args)
      })
    }
  })

  describe('a lock on what only agents name', () => {
    const target = async (): Promise<object[]> =>
      ((await json('get', 'lock')) as { spec: { target: object } }[]).map(({ spec }) => spec.target)

    let agent: BotClient
    before(async () => {
      await authority.apply(bot('short', '[all]'))
    })
    after(() => agent[Symbol.dispose]())

    it('is accepted: the deleted join token of an agent', async () => {
      const { name, secret } = await authority.createJoinToken('short')
      agent = await joinWith(authority, name, secret)
      await done('delete', 'join_token', name)
      await done('lock', '--join-token', name)
      assert.deepEqual(await target(), [{ join_token: name }])
      await done('unlock', '--join-token', name)
    })
    // As after the restore of a backup from before they joined.
    it('is accepted: an agent, and its bot, that the authority does not know but has refused', async () => {
      const id = agent.certificate.botInstanceId
      await done('delete', 'bot', 'short')
      assert.equal((await run('lock', '--bot-instance', id)).code, 3)
      await assert.rejects(renewBot(authority, agent), { kind: 'permission_denied' })
      await done('lock', '--bot-instance', id)
      await done('lock', '--bot', 'short')
      assert.deepEqual(await target(), [{ bot: 'short' }, { bot_instance: id }])
      assert.equal((await run('lock', '--bot-instance', id, '--bot-instance', `${id}X`)).code, 3)
      await done('unlock', '--bot-instance', id)
      await done('unlock', '--bot', 'short')
    })
  })

  it('audit list refuses an event that there is not, and says which are', async () => {
    for (const [event, hint] of [
      ['lock.create', /did you mean lock\.created\?/],
      ['nonsense', /expected a name, or the beginning of names such as authority\.\*/],
      ['jion.*', /did you mean join\.\*\?/],
    ] as const) {
      const { code, stderr } = await run('audit', 'list', '--event', event)
      assert.equal(code, 2)
      assert.match(stderr, hint)
    }
  })

  describe('a rule that can never hold', () => {
    const identity = (name: string, rule: string): string =>
      `kind: workload_identity\nversion: v1\nmetadata: { name: ${name} }\nspec:\n  spiffe_id: /${name}\n  allow:\n  - ${rule}`
    it('is refused when it is applied, with its line and what to write', async () => {
      const match = `{ workload.unix.uid: 0, workload.unix.binary_sha256: "SHA256:${'AB'.repeat(32)}" }`
      const { code, stderr } = await run(
        'apply',
        '-f',
        await file('n.yaml', identity('n', `match: ${match}`)),
      )
      assert.equal(code, 2)
      assert.match(
        stderr,
        /n\.yaml:7: spec\.allow\.0\.match\.workload\.unix\.binary_sha256: write it as (ab){32}\n/,
      )
    })
    it('is warned of in an expression, which may ask whether there is such an attribute', async () => {
      const at = await file('w.yaml', identity('w', 'when: "workload.unix.uid == 0 && has(join.github)"'))
      const { code, stderr } = await run('apply', '-f', at, '--dry-run')
      assert.equal(code, 0)
      assert.match(stderr, /warning: .*no join method that proves join\.github: it is always absent/)
    })
  })

  describe('explain at the authority', () => {
    const explain = async (attributes: object): Promise<string> =>
      done('explain', '--attributes', await file('attributes.json', JSON.stringify(attributes)))
    before(() =>
      authority.apply(
        'kind: workload_identity\nversion: v1\nmetadata: { name: web }\nspec: { spiffe_id: /web, allow: [{ match: { workload.unix.uid: 1000 } }] }',
      ),
    )
    const workload = { unix: { uid: 1000 } }
    it('says what it could not know', async () => {
      const text = await explain({ workload })
      assert.match(text, /^not considered: roles and locks of a bot: give bot\.name or bot\.instance_id/)
      assert.match(text, /web .*: granted only if a role .*: spiffe:\S+\/web by allow\[0\]/)
    })
    it('grants nothing to a bot without roles', async () => {
      assert.match(
        await explain({ workload, bot: { name: 'ci' } }),
        /web .*: not granted: no role of the bot/,
      )
    })
    it('names the lock and its reason', async () => {
      await done('lock', '--bot', 'builder', '--reason', 'lost laptop')
      const text = await explain({ workload, bot: { name: 'builder' } })
      await done('unlock', '--bot', 'builder')
      assert.match(text, /web .*: not granted: lock bot-builder: lost laptop/)
    })
    it('takes only attributes that there are, each of its type', async () => {
      for (const [attributes, why] of [
        [{ workload: { unix: { uid: '0' } } }, /workload\.unix\.uid is not of the type int/],
        [{ workload: { unix: { udi: 0 } } }, /there is no attribute "workload\.unix\.udi"/],
        [{ bot: { name: 'nobody' } }, /there is no bot "nobody"/],
      ] as const) {
        const at = await file('attributes.json', JSON.stringify(attributes))
        const { code, stderr } = await run('explain', '--attributes', at)
        assert.equal(code, 2)
        assert.match(stderr, why)
      }
    })
  })

  describe('what get prints', () => {
    const table = async (...args: readonly string[]): Promise<string> =>
      (await done('get', ...args)).replaceAll(/ {2,}/g, ' | ')
    before(async () => {
      await authority.apply(`
kind: workload_identity
version: v1
metadata: { name: api }
spec:
  spiffe_id: /api
  allow:
  - match: { workload.unix.uid: [1000, 1001], workload.unix.binary_path: { glob: /opt/** } }
  - when: 'workload.unix.gid == 7'
  deny: [{ match: { workload.unix.user: { not: www } } }]
  x509: { ttl: 30m }
---
kind: federation
version: v1
metadata: { name: partner }
spec: { trust_domain: partner.example, bundle: '${EMPTY_BUNDLE}' }
`)
      await done('lock', '--bot', 'ci', '--reason', 'under attack', '--ttl', '1h')
      await done('lock', '--workload-identity', 'api')
      await done('token', 'create', '--bot', 'builder', '--name', 'pair', '--max-uses', '2')
    })
    after(async () => {
      await done('unlock', '--bot', 'ci')
      await done('unlock', '--workload-identity', 'api')
    })

    it('shows who gets an identity, for how long, and that it is locked', async () => {
      assert.match(
        await table('workload_identity'),
        /^NAME \| SPIFFE ID \| ALLOW \| TTL \| STATE\napi \| \/api \| uid 1000\|1001, binary_path \/opt\/\*\* or workload\.unix\.gid == …? ?.* \| 30m, jwt default \| locked by workload_identity-api$/m,
      )
    })
    it('shows roles, agents and locks of bots', async () => {
      const text = await table('bot')
      assert.match(text, /^builder \| all \| none \| active \| \d{4}-/m)
      assert.match(text, /^ci \| none \| none \| locked by bot-ci \| /m)
    })
    it('shows target, reason, expiry and state of locks', async () => {
      assert.match(await table('lock'), /^bot-ci \| bot ci \| under attack \| [\dT:-]{19}Z \| active$/m)
      assert.match(
        await table('lock'),
        /^workload_identity-api \| workload_identity api \| never \| active$/m,
      )
    })
    it('shows bot, expiry, uses left and state of join tokens', async () => {
      assert.match(await table('join_token'), /^pair \| builder \| [\dT:-]{19}Z \| 2 of 2 \| active$/m)
    })
    it('all is all, each kind in its own table', async () => {
      const text = await done('get', 'all')
      for (const kind of ['role', 'bot', 'join_token', 'workload_identity', 'federation', 'lock']) {
        assert.match(text, new RegExp(`^${kind}\\nNAME `, 'm'))
      }
    })
    it('with --json is what apply takes, of one, of a kind and of all', async () => {
      for (const args of [['bot', 'ci'], ['lock'], ['federation'], ['all']]) {
        const at = await file('all.json', await done('get', ...args, '--json'))
        const text = await done('apply', '-f', at)
        assert.match(text, /unchanged/)
        assert.doesNotMatch(text, /created|updated/)
      }
    })
    it('a mistake in such a list has its line', async () => {
      const at = await file(
        'list.json',
        '[\n  {"kind": "bot", "version": "v1",\n   "metadata": {"name": "a"},\n   "spec": {"rols": []}}\n]',
      )
      assert.match((await run('apply', '-f', at)).stderr, /list\.json:4: spec\.rols: unknown key/)
    })
    it('a kind that there is not is refused, with the nearest', async () => {
      const { code, stderr } = await run('get', 'bots')
      assert.equal(code, 2)
      assert.match(stderr, /'bots' is invalid .* choose one of .*: did you mean bot\?/)
    })
    it('audit list has columns, and every time in the same form', async () => {
      const text = (await done('audit', 'list')).replaceAll(/ {2,}/g, ' | ')
      assert.match(text, /^NUMBER \| TIME \| EVENT \| ACTOR \| DETAIL\n/)
      assert.match(
        text,
        /\d \| [\dT:-]{19}Z \| lock\.created \| uid:\d+.* \| kind=lock name=bot-ci revision=\d+ target\.bot=ci reason="under attack" expiresMs=[\dT:-]{19}Z$/m,
      )
      assert.match(text, /ca\.activated \| authority \| .* notAfter=[\dT:-]{19}Z$/m)
    })
  })
})
