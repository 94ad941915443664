// Original file: signet/v1/admin.proto


export interface DeleteResourceRequest {
  'kind'?: (string);
  'name'?: (string);
  'revision'?: (string);
}

export interface DeleteResourceRequest__Output {
  'kind': (string);
  'name': (string);
  'revision': (string);
}
