// Original file: signet/v1/admin.proto


export interface AppliedResource {
  'kind'?: (string);
  'name'?: (string);
  'action'?: (string);
  'revision'?: (string);
  'diff'?: (string);
}

export interface AppliedResource__Output {
  'kind': (string);
  'name': (string);
  'action': (string);
  'revision': (string);
  'diff': (string);
}
