import type { Encoders } from '../entitlement/message.ts'
import { jwtBundlesMessage, x509BundlesMessage } from './bundles-message.ts'
import { x509SvidMessage } from './x509-svid-message.ts'

/** The encoders of the Workload API's responses. */
export const WORKLOAD_API_ENCODERS: Encoders = {
  x509Svids: x509SvidMessage,
  x509Bundles: x509BundlesMessage,
  jwtBundles: jwtBundlesMessage,
}
