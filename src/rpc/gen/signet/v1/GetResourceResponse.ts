// Original file: signet/v1/admin.proto

import type { Resource as _signet_v1_Resource, Resource__Output as _signet_v1_Resource__Output } from '../../signet/v1/Resource.ts';

export interface GetResourceResponse {
  'resource'?: (_signet_v1_Resource | null);
}

export interface GetResourceResponse__Output {
  'resource': (_signet_v1_Resource__Output | null);
}
