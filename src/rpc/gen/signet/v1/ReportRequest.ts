// Original file: signet/v1/report.proto

import type { ReportedEvent as _signet_v1_ReportedEvent, ReportedEvent__Output as _signet_v1_ReportedEvent__Output } from '../../signet/v1/ReportedEvent.ts';

export interface ReportRequest {
  'events'?: (_signet_v1_ReportedEvent)[];
}

export interface ReportRequest__Output {
  'events': (_signet_v1_ReportedEvent__Output)[];
}
