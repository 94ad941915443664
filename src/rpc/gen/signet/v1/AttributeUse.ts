// Original file: signet/v1/sync.proto


export interface AttributeUse {
  'paths'?: (string)[];
}

export interface AttributeUse__Output {
  'paths': (string)[];
}
