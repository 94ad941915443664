// Original file: signet/v1/report.proto

import type { Long } from '@grpc/proto-loader';

export interface ReportedTimes {
  'count'?: (number);
  'firstMs'?: (number | string | Long);
  'lastMs'?: (number | string | Long);
}

export interface ReportedTimes__Output {
  'count': (number);
  'firstMs': (string);
  'lastMs': (string);
}
