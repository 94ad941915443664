// Original file: signet/v1/admin.proto


export interface ApplyRequest {
  'text'?: (string);
  'fileName'?: (string);
  'dryRun'?: (boolean);
}

export interface ApplyRequest__Output {
  'text': (string);
  'fileName': (string);
  'dryRun': (boolean);
}
