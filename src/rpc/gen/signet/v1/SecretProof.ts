// Original file: signet/v1/join.proto


export interface SecretProof {
  'secret'?: (string);
}

export interface SecretProof__Output {
  'secret': (string);
}
