// Original file: signet/v1/admin.proto


export interface ExplainRequest {
  'attributesJson'?: (string);
}

export interface ExplainRequest__Output {
  'attributesJson': (string);
}
