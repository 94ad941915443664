// Original file: signet/v1/issuance.proto

import type { IdentityClaim as _signet_v1_IdentityClaim, IdentityClaim__Output as _signet_v1_IdentityClaim__Output } from '../../signet/v1/IdentityClaim.ts';

export interface X509SvidRequest {
  'claim'?: (_signet_v1_IdentityClaim | null);
  'publicKey'?: (Buffer | Uint8Array | string);
}

export interface X509SvidRequest__Output {
  'claim': (_signet_v1_IdentityClaim__Output | null);
  'publicKey': (Buffer);
}
