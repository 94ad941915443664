import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { parseAgentConfig } from '../../src/config/agent-config.ts'
import { parseAuthorityConfig } from '../../src/config/authority-config.ts'
import { type ParsedResource, parseResources } from '../../src/config/resources.ts'
import { compileWorkloadIdentity } from '../../src/policy/compile.ts'
import { checkRole } from '../../src/policy/role.ts'
import { readDocument as read } from '../../tools/documents/read.ts'

const root = path.resolve(import.meta.dirname, '../..')

describe('the files in deploy/examples', () => {
  it('are all checked here', () => {
    const found = globSync('deploy/examples/*', { cwd: root }).map((name) => path.basename(name))
    assert.deepEqual(found.sort(), ['agent.yaml', 'authority.yaml', 'mtls', 'resources.yaml'])
  })

  it('authority.yaml is a configuration', () => {
    const config = parseAuthorityConfig(read('deploy/examples/authority.yaml'), 'authority.yaml')
    assert.equal(config.trust_domain, 'example.org')
  })

  it('agent.yaml is a configuration', () => {
    const config = parseAgentConfig(read('deploy/examples/agent.yaml'), 'agent.yaml')
    assert.equal(config.join.method, 'secret')
  })

  it('resources.yaml has valid resources and rules', () => {
    const { resources, problems } = parseResources(read('deploy/examples/resources.yaml'), 'resources.yaml')
    assert.deepEqual(problems, [])
    const defaults = { trustDomain: 'example.org', x509TtlSeconds: 3600, jwtTtlSeconds: 300 }
    for (const resource of resources) {
      if (resource.kind === 'role') assert.deepEqual(checkRole((resource as ParsedResource<'role'>).spec), [])
      if (resource.kind !== 'workload_identity') continue
      const { name, labels, spec } = resource as ParsedResource<'workload_identity'>
      compileWorkloadIdentity({ name, revision: '1', labels, spec }, defaults)
    }
    assert.deepEqual([...new Set(resources.map(({ kind }) => kind))], ['role', 'bot', 'workload_identity'])
  })
})
