import assert from 'node:assert/strict'
import { ResourceRepository } from '../../src/authority/datastore/resource-repository.ts'
import { SqliteDatastore } from '../../src/authority/datastore/sqlite/sqlite-datastore.ts'
import { Catalogue } from '../../src/authority/resources/catalogue.ts'
import type { Compile } from '../../src/authority/resources/identity-entry.ts'
import { toNewResource } from '../../src/authority/resources/stored-form.ts'
import { parseResources } from '../../src/config/resources.ts'
import { compileWorkloadIdentity } from '../../src/policy/compile.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { datastoreDeps } from './datastore-deps.ts'

/** A catalogue that follows an in-memory database. */
export interface CatalogueRig extends AsyncDisposable {
  readonly clock: FakeClock
  readonly datastore: SqliteDatastore
  readonly repository: ResourceRepository
  readonly catalogue: Catalogue
  readonly compile: Compile
  /** Stores all documents in one transaction, without checking references. */
  put(yaml: string): Promise<void>
  /** Stores a resource that the schemas reject, as a later version might have stored it. */
  putSpec(kind: string, name: string, spec: unknown): Promise<void>
  remove(kind: string, name: string): Promise<void>
}

export async function openCatalogue(yaml = ''): Promise<CatalogueRig> {
  const clock = new FakeClock()
  const datastore = await SqliteDatastore.open(':memory:', datastoreDeps({ clock }))
  const resources = new ResourceRepository(datastore, clock)
  const compile: Compile = (identity) =>
    compileWorkloadIdentity(identity, {
      trustDomain: 'example.org',
      x509TtlSeconds: 3600,
      jwtTtlSeconds: 300,
    })
  const put = async (text: string): Promise<void> => {
    const parsed = parseResources(text, 'test.yaml')
    assert.deepEqual(parsed.problems, [])
    await datastore.transaction(async (tx) => {
      for (const resource of parsed.resources) await resources.put(tx, toNewResource(resource))
    })
  }
  if (yaml !== '') await put(yaml)
  const catalogue = await Catalogue.load(resources, compile)
  return {
    clock,
    datastore,
    repository: resources,
    catalogue,
    compile,
    put,
    putSpec: async (kind, name, spec) => {
      await datastore.transaction(async (tx) =>
        resources.put(tx, { kind, name, metadata: { labels: {} }, spec }),
      )
    },
    remove: async (kind, name) => {
      await datastore.transaction(async (tx) => resources.remove(tx, kind, name))
    },
    [Symbol.asyncDispose]: async () => {
      catalogue[Symbol.dispose]()
      await datastore[Symbol.asyncDispose]()
    },
  }
}

/** A workload identity; roles select it by `label`. */
export function identityYaml(name: string, more = '', label = 'a'): string {
  return `
kind: workload_identity
version: v1
metadata: { name: ${name}, labels: { team: ${label} } }
spec: { spiffe_id: /${name}, allow: [{ match: { workload.unix.uid: 1000 } }]${more && `, ${more}`} }
---`
}

/** A role for all workload identities with the label. */
export function roleYaml(name: string, label = 'a', more = ''): string {
  return `
kind: role
version: v1
metadata: { name: ${name} }
spec: { ${more && `${more}, `}allow: [{ kind: workload_identity, labels: { team: ${label} }, spiffe_ids: [/**] }] }
---`
}

/** A federation with a trust domain; `sequence` distinguishes bundles. */
export function federationYaml(trustDomain: string, sequence = 1, more = '', name = trustDomain): string {
  return `
kind: federation
version: v1
metadata: { name: ${name} }
spec: { trust_domain: ${trustDomain}, bundle: { keys: [], spiffe_sequence: ${sequence}${more && `, ${more}`} } }
---`
}

export function botYaml(name: string, roles: readonly string[], more = ''): string {
  return `
kind: bot
version: v1
metadata: { name: ${name} }
spec: { roles: [${roles.join(', ')}]${more && `, ${more}`} }
---`
}
