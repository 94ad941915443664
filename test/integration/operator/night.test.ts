import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SetClock, withoutFaketime } from '../../support/faketime.ts'
import { eventually, OperatorHost, startAuthorityOn } from '../../support/operator-host.ts'

/** An authority with one agent on one machine, made by the commands of the documents. */
async function place() {
  const host = await OperatorHost.create()
  await startAuthorityOn(host, '127.0.0.1:0')
  const { listen } = JSON.parse(await host.done('authority', 'status', '--json'))
  const join = async (env: NodeJS.ProcessEnv = {}) => {
    const printed = await host.done('token', 'create', '--bot', 'web-hosts', '--ttl', '1h')
    const line = printed.replace('127.0.0.1:0', listen)
    const agent = await host.startAsPrinted(line, env)
    await host.done('agent', 'status', '--wait', '30s')
    return { agent, line }
  }
  const { agent, line } = await join()
  const fetch = () => host.signet('svid', 'fetch', 'x509')
  assert.match((await fetch()).stdout, /web\/shop/)
  return Object.assign(host, { agent, line, join, fetch })
}

describe('at three in the morning', () => {
  it('a host that is locked: the workload hears no identity, the operator who and why, unlock mends it', async () => {
    await using host = await place()
    await host.done('lock', '--bot', 'web-hosts', '--reason', 'drill at night')
    const { code, stderr } = await host.fetch()
    assert.deepEqual([code, /no identity issued/.test(stderr)], [4, true])
    assert.match(await host.done('get', 'lock', '--json'), /drill at night/)
    assert.match(await host.done('audit', 'list', '--event', 'lock.created', '--json'), /drill at night/)
    await host.done('unlock', '--bot', 'web-hosts')
    await eventually(host.fetch, (answer) => answer.code === 0)
  })

  it('a host whose bot was deleted: refused with a reference, which the audit log explains; a new token mends it', async () => {
    await using host = await place()
    await host.stop(host.agent)
    const [, token = ''] = /join token: *(\S+)/.exec(host.line) ?? []
    await host.done('delete', 'join_token', token)
    await host.done('delete', 'bot', 'web-hosts')
    const agent = await host.startAsPrinted(host.line)
    await eventually(host.fetch, ({ code }) => code === 4)
    const logged = async () => /reference ([A-Z0-9-]+)/.exec(host.log)?.[1]
    const reference = await eventually(logged, (found) => found !== undefined)
    assert.match(await host.done('audit', 'list', '--ref', reference ?? '', '--json'), /unknown_instance/)
    await host.done('apply', '-f', `${host.home}/web.yaml`)
    await host.stop(agent)
    await host.join()
    assert.match((await host.fetch()).stdout, /web\/shop/)
  })

  it('a host with a wrong clock: it says so, and serves again when the clock is right', {
    skip: withoutFaketime,
  }, async () => {
    await using host = await place()
    await host.stop(host.agent)
    using clock = new SetClock(host.home)
    clock.set('+3h')
    await host.join(clock.env)
    const status = await host.done('agent', 'status')
    assert.match(status, /skew/)
    assert.equal((await host.fetch()).code, 5)
    assert.match(host.log, /svid\.held_back|clock\.skewed/)
    clock.set('+0')
    await eventually(host.fetch, ({ code }) => code === 0)
    await host.stop(host.agent)
  })
})
