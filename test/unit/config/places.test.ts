import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  authorityRuntimeDirectory,
  dataDirectory,
  keyDirectory,
  liesInside,
  runtimeDirectory,
} from '../../../src/config/places.ts'

describe('default places', () => {
  const root = { root: true, environment: {} }
  const user = {
    root: false,
    environment: { XDG_RUNTIME_DIR: '/run/user/7', XDG_STATE_HOME: '/s', XDG_CONFIG_HOME: '/c' },
  }
  const home = { SIGNET_HOME: '/demo' }

  it("of root's two programs do not share a directory of sockets: one is for everybody, the other for root alone", () => {
    assert.equal(runtimeDirectory(root), '/run/signet')
    assert.equal(authorityRuntimeDirectory(root), '/run/signet-authority')
  })

  it('of other users follow the XDG variables', () => {
    assert.equal(runtimeDirectory(user), '/run/user/7/signet')
    assert.equal(authorityRuntimeDirectory(user), '/run/user/7/signet')
    assert.equal(dataDirectory(user), '/s/signet')
    assert.equal(keyDirectory(user), '/c/signet')
  })

  for (const who of [true, false]) {
    it(`are all under SIGNET_HOME when it is set, ${who ? 'as root' : 'as another user'}`, () => {
      const here = { root: who, environment: { ...user.environment, ...home } }
      const places = [runtimeDirectory, authorityRuntimeDirectory, dataDirectory, keyDirectory].map((of) =>
        of(here),
      )
      assert.deepEqual(places, ['/demo/run', '/demo/run', '/demo/data', '/demo/config'])
    })
  }
})

describe('liesInside', () => {
  for (const file of ['/data', '/data/key', '/data/keys/key', '/data/..key']) {
    it(`finds ${file} in /data`, () => {
      assert.equal(liesInside('/data', { path: file }), true)
    })
  }
  for (const file of ['/key', '/data-key', '/data/../key', '/other/data/key']) {
    it(`does not find ${file} in /data`, () => {
      assert.equal(liesInside('/data', { path: file }), false)
    })
  }
})
