// Original file: signet/v1/admin.proto


export interface RotateCaRequest {
  'purpose'?: (string);
  'now'?: (boolean);
  'algorithm'?: (string);
}

export interface RotateCaRequest__Output {
  'purpose': (string);
  'now': (boolean);
  'algorithm': (string);
}
