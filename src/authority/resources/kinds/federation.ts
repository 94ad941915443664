import { readableBundle } from '../../../config/bundle-document.ts'
import { foreignBundleOf } from '../foreign-bundle.ts'
import type { ResourceKindDefinition } from './resource-kind.ts'

export const federation: ResourceKindDefinition<'federation'> = {
  asWritten: ({ bundle, ...rest }) => ({ ...rest, bundle: readableBundle(bundle) }),
  follow: (index, name, after) => index.noteFederation(name, after && foreignBundleOf(after)),
}
