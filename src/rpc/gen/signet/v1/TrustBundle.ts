// Original file: signet/v1/sync.proto


export interface TrustBundle {
  'spiffeBundle'?: (Buffer | Uint8Array | string);
  'taintedKeyIds'?: (string)[];
  'activeX509KeyId'?: (string);
  'activeJwtKeyId'?: (string);
  'activeJwtKeyIds'?: (string)[];
}

export interface TrustBundle__Output {
  'spiffeBundle': (Buffer);
  'taintedKeyIds': (string)[];
  'activeX509KeyId': (string);
  'activeJwtKeyId': (string);
  'activeJwtKeyIds': (string)[];
}
