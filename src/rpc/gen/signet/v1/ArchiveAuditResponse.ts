// Original file: signet/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface ArchiveAuditResponse {
  'file'?: (string);
  'fileBytes'?: (number | string | Long);
  'first'?: (number | string | Long);
  'last'?: (number | string | Long);
  'events'?: (number | string | Long);
  'problems'?: (string)[];
  'freedBytes'?: (number | string | Long);
  'reusableBytes'?: (number | string | Long);
  'shrinks'?: (boolean);
}

export interface ArchiveAuditResponse__Output {
  'file': (string);
  'fileBytes': (string);
  'first': (string);
  'last': (string);
  'events': (string);
  'problems': (string)[];
  'freedBytes': (string);
  'reusableBytes': (string);
  'shrinks': (boolean);
}
