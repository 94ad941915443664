// Original file: signet/v1/report.proto

import type { ReportedTimes as _signet_v1_ReportedTimes, ReportedTimes__Output as _signet_v1_ReportedTimes__Output } from '../../signet/v1/ReportedTimes.ts';

export interface GivenUp {
  'uid'?: (number);
  'times'?: (_signet_v1_ReportedTimes | null);
}

export interface GivenUp__Output {
  'uid': (number);
  'times': (_signet_v1_ReportedTimes__Output | null);
}
