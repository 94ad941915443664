// Original file: signet/v1/admin.proto


export interface ExplainResponse {
  'explanationJson'?: (string);
}

export interface ExplainResponse__Output {
  'explanationJson': (string);
}
