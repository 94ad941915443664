// Original file: signet/v1/admin.proto

import type { Ca as _signet_v1_Ca, Ca__Output as _signet_v1_Ca__Output } from '../../signet/v1/Ca.ts';

export interface RotateCaResponse {
  'cas'?: (_signet_v1_Ca)[];
}

export interface RotateCaResponse__Output {
  'cas': (_signet_v1_Ca__Output)[];
}
