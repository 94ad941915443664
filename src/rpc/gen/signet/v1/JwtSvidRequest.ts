// Original file: signet/v1/issuance.proto

import type { IdentityClaim as _signet_v1_IdentityClaim, IdentityClaim__Output as _signet_v1_IdentityClaim__Output } from '../../signet/v1/IdentityClaim.ts';

export interface JwtSvidRequest {
  'claim'?: (_signet_v1_IdentityClaim | null);
  'audience'?: (string)[];
}

export interface JwtSvidRequest__Output {
  'claim': (_signet_v1_IdentityClaim__Output | null);
  'audience': (string)[];
}
