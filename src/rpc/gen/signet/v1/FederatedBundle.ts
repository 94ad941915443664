// Original file: signet/v1/sync.proto


export interface FederatedBundle {
  'trustDomain'?: (string);
  'spiffeBundle'?: (Buffer | Uint8Array | string);
}

export interface FederatedBundle__Output {
  'trustDomain': (string);
  'spiffeBundle': (Buffer);
}
