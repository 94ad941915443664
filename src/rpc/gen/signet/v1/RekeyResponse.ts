// Original file: signet/v1/admin.proto


export interface RekeyResponse {
  'source'?: (string);
  'inPlace'?: (boolean);
}

export interface RekeyResponse__Output {
  'source': (string);
  'inPlace': (boolean);
}
