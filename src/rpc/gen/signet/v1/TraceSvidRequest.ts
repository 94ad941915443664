// Original file: signet/v1/admin.proto


export interface TraceSvidRequest {
  'name'?: (string);
}

export interface TraceSvidRequest__Output {
  'name': (string);
}
