// Original file: signet/v1/admin.proto


export interface VerifyAuditRequest {
  'heads'?: (string)[];
}

export interface VerifyAuditRequest__Output {
  'heads': (string)[];
}
