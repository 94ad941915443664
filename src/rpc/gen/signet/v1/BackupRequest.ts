// Original file: signet/v1/admin.proto


export interface BackupRequest {
  'directory'?: (string);
}

export interface BackupRequest__Output {
  'directory': (string);
}
