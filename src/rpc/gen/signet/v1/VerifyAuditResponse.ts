// Original file: signet/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface VerifyAuditResponse {
  'intact'?: (boolean);
  'events'?: (number | string | Long);
  'heads'?: (number | string | Long);
  'problems'?: (string)[];
  'headsGiven'?: (number | string | Long);
  'lastHead'?: (string);
}

export interface VerifyAuditResponse__Output {
  'intact': (boolean);
  'events': (string);
  'heads': (string);
  'problems': (string)[];
  'headsGiven': (string);
  'lastHead': (string);
}
