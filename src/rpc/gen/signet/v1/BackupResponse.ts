// Original file: signet/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface BackupResponse {
  'bytes'?: (number | string | Long);
  'lastEvent'?: (number | string | Long);
  'keySource'?: (string);
}

export interface BackupResponse__Output {
  'bytes': (string);
  'lastEvent': (string);
  'keySource': (string);
}
