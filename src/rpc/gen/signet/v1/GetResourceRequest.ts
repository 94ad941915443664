// Original file: signet/v1/admin.proto


export interface GetResourceRequest {
  'kind'?: (string);
  'name'?: (string);
}

export interface GetResourceRequest__Output {
  'kind': (string);
  'name': (string);
}
