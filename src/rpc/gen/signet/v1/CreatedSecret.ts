// Original file: signet/v1/admin.proto


export interface CreatedSecret {
  'joinToken'?: (string);
  'secret'?: (string);
}

export interface CreatedSecret__Output {
  'joinToken': (string);
  'secret': (string);
}
