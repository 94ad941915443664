// Original file: signet/v1/admin.proto

import type { Resource as _signet_v1_Resource, Resource__Output as _signet_v1_Resource__Output } from '../../signet/v1/Resource.ts';

export interface ListResourcesResponse {
  'resources'?: (_signet_v1_Resource)[];
}

export interface ListResourcesResponse__Output {
  'resources': (_signet_v1_Resource__Output)[];
}
