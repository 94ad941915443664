import type { StoredResource } from '../datastore/resource-repository.ts'
import { federationSpecOf } from './stored-specs.ts'

/** The bundle of one federation as agents get it, made once for all of them. */
export interface ForeignBundle {
  readonly trustDomain: string
  readonly spiffeBundle: Buffer
}

export function foreignBundleOf(stored: StoredResource): ForeignBundle {
  const { trust_domain: trustDomain, bundle } = federationSpecOf(stored)
  return { trustDomain, spiffeBundle: Buffer.from(bundle) }
}
