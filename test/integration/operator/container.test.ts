import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { describe, it } from 'node:test'
import { signetBinary } from '../../support/command.ts'
import { OperatorHost, startAuthorityOn, withoutNamespaces } from '../../support/operator-host.ts'

/** A process with mounts of its own, in which a directory of the host is mounted elsewhere. */
async function enterContainer(host: OperatorHost, from: string) {
  const at = '/mnt'
  const child = spawn(
    'unshare',
    ['--mount', 'sh', '-c', `mount --bind ${from} ${at} && echo ready && exec sleep 600`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  await once(child.stdout, 'data')
  return {
    signet: (...args: string[]) =>
      host.run(['nsenter', '--mount', '-t', String(child.pid), process.execPath, signetBinary, ...args]),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

describe('a container that mounts the directory of the socket', { skip: withoutNamespaces }, () => {
  it('finds the socket of an agent that was restarted, as the uid that the host sees', async () => {
    await using host = await OperatorHost.create()
    await startAuthorityOn(host, '127.0.0.1:0')
    const { listen } = JSON.parse(await host.done('authority', 'status', '--json'))
    const printed = (await host.done('token', 'create', '--bot', 'web-hosts')).replace('127.0.0.1:0', listen)
    let agent = await host.startAsPrinted(printed)
    await host.done('agent', 'status', '--wait', '30s')
    await using container = await enterContainer(host, path.dirname(host.socket))
    const fetch = () => container.signet('svid', 'fetch', 'x509', '--socket', 'unix:///mnt/agent.sock')
    assert.match((await fetch()).stdout, /web\/shop/)
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await host.stop(agent, signal)
      assert.equal((await fetch()).code, 5)
      agent = await host.startAsPrinted(printed)
      await host.done('agent', 'status', '--wait', '30s')
      assert.match((await fetch()).stdout, /web\/shop/, signal)
    }
  })
})
