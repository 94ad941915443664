import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { signet } from '../support/command.ts'

/** As a script types it whose variable is not set. The program need not run: nothing is asked of it. */
describe('an empty name is refused, before anything is asked', () => {
  for (const args of [
    ['lock', '--bot='],
    ['lock', '--bot', 'a', '--bot', ''],
    ['unlock', '--spiffe-id', ''],
    ['unlock', ''],
    ['get', 'bot', ''],
    ['delete', 'bot', '', '--yes'],
    ['token', 'create', '--bot', ''],
    ['bot', 'create', 'a', '--role', ''],
    ['audit', 'list', '--event', ''],
    ['svid', 'fetch', 'jwt', '--audience', ''],
    ['get', 'bot', '--admin-socket', ''],
    ['apply', '-f', ''],
  ]) {
    it(`signet ${args.map((word) => word || "''").join(' ')}`, async () => {
      const { code, stdout, stderr } = await signet(args, { env: { SIGNET_ADMIN_SOCKET: '/nothing' } })
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(
        stderr,
        /^signet: (option '.+' needs a value, not an empty one|argument '.+' is empty) \(see signet .+ --help\) \(ERR_CLI_USAGE\)\n$/,
      )
    })
  }
})
