// Original file: signet/v1/report.proto

import type { ReportedTimes as _signet_v1_ReportedTimes, ReportedTimes__Output as _signet_v1_ReportedTimes__Output } from '../../signet/v1/ReportedTimes.ts';
import type { Long } from '@grpc/proto-loader';

export interface ReportedProcess {
  'pid'?: (number);
  'gid'?: (number);
  'binaryPath'?: (string);
  'startedMs'?: (number | string | Long);
  'times'?: (_signet_v1_ReportedTimes | null);
}

export interface ReportedProcess__Output {
  'pid': (number);
  'gid': (number);
  'binaryPath': (string);
  'startedMs': (string);
  'times': (_signet_v1_ReportedTimes__Output | null);
}
