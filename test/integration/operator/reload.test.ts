import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../support/authority-state.ts'
import { NotifyReceiver } from '../../support/notify-receiver.ts'
import { Daemon } from '../../support/programs.ts'

const yaml = (directory: string, level: string, maxConnections = 100) => `version: 1
authority: { address: "127.0.0.1:1", pin: "sha256:${'0'.repeat(64)}" }
join: { token: first, secret: { env: SIGNET_TEST_SECRET } }
data_dir: ${directory}/data
state_key: { path: ${directory}/state-key }
workload_api: { socket: ${directory}/run/agent.sock, max_connections: ${maxConnections} }
log: { level: ${level} }
`

describe('an agent under a service manager', () => {
  for (const name of [`@signet-test-${process.pid}`, 'notify.sock']) {
    it(`says on ${name.startsWith('@') ? 'an abstract socket' : 'a socket'} that it is ready, alive, reloads and ends`, async () => {
      await using place = await temporaryDirectory()
      const directory = place.path
      const socket = name.startsWith('@') ? name : path.join(directory, name)
      using manager = new NotifyReceiver(socket)
      const config = path.join(directory, 'agent.yaml')
      await writeFile(config, yaml(directory, 'info'))
      await using agent = new Daemon(['agent', 'run', '--config', config], {
        NOTIFY_SOCKET: socket,
        WATCHDOG_USEC: '150000',
        SIGNET_TEST_SECRET: 'secret',
      })
      await manager.hears('READY=1')
      assert.match(agent.log, /agent\.started/)
      await manager.hears('WATCHDOG=1')

      await writeFile(config, 'version: 1\nlog: { level: loud }\n')
      process.kill(agent.pid, 'SIGHUP')
      await agent.says(/config\.rejected.*log\.level/)
      await manager.hears('RELOADING=1\nMONOTONIC_USEC=')
      manager.heard.length = 0
      await manager.hears('READY=1')

      const from = agent.log.length
      await writeFile(config, yaml(directory, 'error', 200).replace('127.0.0.1:1', '127.0.0.1:2'))
      process.kill(agent.pid, 'SIGHUP')
      manager.heard.length = 0
      await manager.hears('RELOADING=1')
      manager.heard.length = 0
      await manager.hears('READY=1')
      assert.equal(agent.log.slice(from).includes('config.reloaded'), false, 'the level is error now')
      await writeFile(config, yaml(directory, 'info', 200).replace('127.0.0.1:1', '127.0.0.1:2'))
      process.kill(agent.pid, 'SIGHUP')
      await agent.says(
        /"event":"config\.reloaded","changed":\["log\.level"\],"needsRestart":\["authority\.address"\]/,
      )
      assert.equal(await agent.stop(), 0)
      await manager.hears('STOPPING=1')
    })
  }
})
