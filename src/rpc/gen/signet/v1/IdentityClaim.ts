// Original file: signet/v1/issuance.proto


export interface IdentityClaim {
  'workloadIdentity'?: (string);
  'revision'?: (string);
  'spiffeId'?: (string);
  'workloadAttributesJson'?: (string);
}

export interface IdentityClaim__Output {
  'workloadIdentity': (string);
  'revision': (string);
  'spiffeId': (string);
  'workloadAttributesJson': (string);
}
