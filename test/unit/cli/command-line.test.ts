import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { COMMANDS } from '../../../src/cli/command-catalogue.ts'
import { signet } from '../../support/command.ts'

describe('every command', () => {
  for (const { path: words } of COMMANDS) {
    it(`${words.join(' ')} has help with an example`, async () => {
      const { code, stdout } = await signet([...words, '--help'])
      assert.equal(code, 0)
      assert.match(stdout, new RegExp(`^Usage: signet ${words.join(' ')}`))
      assert.match(stdout, /\nExample:\n {2}\S/)
    })
  }
})

describe('an invalid command line', () => {
  for (const args of [
    ['nothing'],
    ['svid', 'nothing'],
    ['get'],
    ['get', 'bot', '--nothing'],
    ['svid', 'fetch', 'x509', '--audience', 'a'],
    ['svid', 'fetch', 'jwt'],
    ['explain'],
    ['explain', '--pid', '0'],
    ['lock'],
    ['lock', '--bot', 'a', '--spiffe-id', 'b'],
    ['ca', 'rotate', 'nothing'],
    ['unlock'],
    ['unlock', 'name', '--bot', 'a'],
    ['audit', 'list', '--since', '12'],
    ['audit', 'list', '--since', 'yesterday'],
    ['token', 'create', '--bot', 'a', '--ttl', '1'],
    ['token', 'create', '--bot', 'a', '--max-uses', '0'],
    ['apply', '-f', '/nothing/here.yaml'],
    ['svid', 'fetch', 'x509', '--socket', 'tcp://127.0.0.1:1'],
  ]) {
    it(`signet ${args.join(' ')} exits with 2 and says why`, async () => {
      const { code, stdout, stderr } = await signet(args)
      assert.equal(code, 2, stderr)
      assert.equal(stdout, '')
      assert.match(stderr, /^signet: \S/)
      assert.doesNotMatch(stderr, /\n\s+at /)
    })
  }
})
