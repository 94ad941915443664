// Original file: signet/v1/admin.proto


export interface GetBundleResponse {
  'trustDomain'?: (string);
  'spiffeBundle'?: (Buffer | Uint8Array | string);
}

export interface GetBundleResponse__Output {
  'trustDomain': (string);
  'spiffeBundle': (Buffer);
}
