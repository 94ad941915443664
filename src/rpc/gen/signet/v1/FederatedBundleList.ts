// Original file: signet/v1/sync.proto

import type { FederatedBundle as _signet_v1_FederatedBundle, FederatedBundle__Output as _signet_v1_FederatedBundle__Output } from '../../signet/v1/FederatedBundle.ts';

export interface FederatedBundleList {
  'bundles'?: (_signet_v1_FederatedBundle)[];
  'more'?: (boolean);
}

export interface FederatedBundleList__Output {
  'bundles': (_signet_v1_FederatedBundle__Output)[];
  'more': (boolean);
}
