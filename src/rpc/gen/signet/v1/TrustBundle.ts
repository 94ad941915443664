// Original file: signet/v1/sync.proto

import type { SvidLives as _signet_v1_SvidLives, SvidLives__Output as _signet_v1_SvidLives__Output } from '../../signet/v1/SvidLives.ts';

export interface TrustBundle {
  'spiffeBundle'?: (Buffer | Uint8Array | string);
  'taintedKeyIds'?: (string)[];
  'activeX509KeyId'?: (string);
  'activeJwtKeyId'?: (string);
  'activeJwtKeyIds'?: (string)[];
  'svidLives'?: (_signet_v1_SvidLives | null);
}

export interface TrustBundle__Output {
  'spiffeBundle': (Buffer);
  'taintedKeyIds': (string)[];
  'activeX509KeyId': (string);
  'activeJwtKeyId': (string);
  'activeJwtKeyIds': (string)[];
  'svidLives': (_signet_v1_SvidLives__Output | null);
}
