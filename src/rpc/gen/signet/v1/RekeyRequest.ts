// Original file: signet/v1/admin.proto


export interface RekeyRequest {
  'key'?: (Buffer | Uint8Array | string);
}

export interface RekeyRequest__Output {
  'key': (Buffer);
}
