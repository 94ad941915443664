import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { authorizer, MAY_CALL } from '../../../src/authority/authorize.ts'
import type { Caller } from '../../../src/authority/caller.ts'
import { type ServiceName, service } from '../../../src/rpc/services.ts'

const NOW = 1_000
const bot = {
  kind: 'bot',
  bot: 'builder',
  instanceId: '01J00000000000000000000000',
  generation: 1,
  keySha256: '00',
  notAfter: NOW + 60,
  expired: false,
  address: '127.0.0.1',
} as const

const CALLERS: Readonly<Record<string, Caller>> = {
  anonymous: { kind: 'anonymous', address: '127.0.0.1' },
  bot,
  'expired bot': { ...bot, expired: true },
  'bot whose certificate has just ended': { ...bot, notAfter: NOW },
  root: { kind: 'admin', uid: 0, pid: 1 },
  "the authority's own user": { kind: 'admin', uid: 990, loginUid: 1000, pid: 1 },
  'another user': { kind: 'admin', uid: 1000, pid: 1 },
}

const AGENT_CALLS = ['IssueX509Svids', 'IssueJwtSvids', 'Report', 'Sync']
const ADMIN_CALLS = Object.keys(service('signet.v1.AdminService'))

const HEALTH = ['Check', 'Watch']

/** Repeated here on purpose, so that nobody changes who may call what by accident. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  anonymous: ['Join', ...HEALTH],
  bot: ['Renew', ...AGENT_CALLS, ...HEALTH],
  'expired bot': ['Renew', 'Sync', ...HEALTH],
  'bot whose certificate has just ended': ['Renew', 'Sync', ...HEALTH],
  root: [...ADMIN_CALLS, ...HEALTH],
  "the authority's own user": [...ADMIN_CALLS, ...HEALTH],
  'another user': [],
}

const SERVICES: readonly ServiceName[] = [
  'SpiffeWorkloadAPI',
  'signet.v1.JoinService',
  'signet.v1.SyncService',
  'signet.v1.IssuanceService',
  'signet.v1.ReportService',
  'signet.v1.AdminService',
  'signet.v1.AgentAdminService',
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
]
const OURS = [...SERVICES.slice(1, 6), 'grpc.health.v1.Health']

describe('who may call what', () => {
  const authorize = authorizer({ nowSeconds: () => NOW, isAdministrator: (uid) => uid === 0 || uid === 990 })
  const may = (caller: Caller, method: string): boolean => {
    try {
      authorize(caller, { method })
      return true
    } catch (error) {
      assert.match(
        (error as { code: string }).code,
        /^ERR_AUTHORITY_(NOT_AUTHORIZED|BOT_CERTIFICATE_REQUIRED)$/,
      )
      return false
    }
  }
  for (const [name, caller] of Object.entries(CALLERS)) {
    for (const serviceName of SERVICES) {
      for (const [methodName, { path }] of Object.entries(service(serviceName))) {
        const expected = OURS.includes(serviceName) && EXPECTED[name]?.includes(methodName) === true
        it(`${name} ${expected ? 'may' : 'may not'} call ${path}`, () => {
          assert.equal(may(caller, path), expected)
        })
      }
    }
    it(`${name} may not call a method that does not exist`, () => {
      for (const path of [
        '',
        '/',
        '/signet.v1.AdminService/',
        '/signet.v1.AdminService/applY',
        '/__proto__/x',
      ]) {
        assert.equal(may(caller, path), false)
      }
    })
  }
  it('names only methods that exist', () => {
    const paths = new Set(SERVICES.flatMap((name) => Object.values(service(name)).map(({ path }) => path)))
    for (const path of MAY_CALL.keys()) assert.ok(paths.has(path), path)
  })
  it('tells a caller without a bot certificate what it lacks', () => {
    assert.throws(
      () => authorize({ kind: 'anonymous', address: '' }, { method: '/signet.v1.SyncService/Sync' }),
      {
        code: 'ERR_AUTHORITY_BOT_CERTIFICATE_REQUIRED',
      },
    )
  })
})
