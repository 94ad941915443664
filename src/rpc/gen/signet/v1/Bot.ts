// Original file: signet/v1/sync.proto


export interface Bot {
  'name'?: (string);
  'instanceId'?: (string);
  'attributesJson'?: (string);
  'rolesJson'?: (string);
}

export interface Bot__Output {
  'name': (string);
  'instanceId': (string);
  'attributesJson': (string);
  'rolesJson': (string);
}
