// Original file: signet/v1/admin.proto


export interface ResourceFile {
  'text'?: (string);
  'name'?: (string);
}

export interface ResourceFile__Output {
  'text': (string);
  'name': (string);
}
