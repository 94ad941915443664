// Original file: signet/v1/admin.proto

import type { AppliedResource as _signet_v1_AppliedResource, AppliedResource__Output as _signet_v1_AppliedResource__Output } from '../../signet/v1/AppliedResource.ts';
import type { CreatedSecret as _signet_v1_CreatedSecret, CreatedSecret__Output as _signet_v1_CreatedSecret__Output } from '../../signet/v1/CreatedSecret.ts';

export interface ApplyResponse {
  'resources'?: (_signet_v1_AppliedResource)[];
  'warnings'?: (string)[];
  'secrets'?: (_signet_v1_CreatedSecret)[];
  'problems'?: (string)[];
  'isOutdated'?: (boolean);
}

export interface ApplyResponse__Output {
  'resources': (_signet_v1_AppliedResource__Output)[];
  'warnings': (string)[];
  'secrets': (_signet_v1_CreatedSecret__Output)[];
  'problems': (string)[];
  'isOutdated': (boolean);
}
