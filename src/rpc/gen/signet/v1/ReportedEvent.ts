// Original file: signet/v1/report.proto

import type { Long } from '@grpc/proto-loader';

export interface ReportedEvent {
  'event'?: (string);
  'count'?: (number);
  'firstMs'?: (number | string | Long);
  'lastMs'?: (number | string | Long);
  'detailJson'?: (string);
}

export interface ReportedEvent__Output {
  'event': (string);
  'count': (number);
  'firstMs': (string);
  'lastMs': (string);
  'detailJson': (string);
}
