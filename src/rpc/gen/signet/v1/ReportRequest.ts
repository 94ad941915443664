// Original file: signet/v1/report.proto

import type { ReportedEvent as _signet_v1_ReportedEvent, ReportedEvent__Output as _signet_v1_ReportedEvent__Output } from '../../signet/v1/ReportedEvent.ts';
import type { GivenUp as _signet_v1_GivenUp, GivenUp__Output as _signet_v1_GivenUp__Output } from '../../signet/v1/GivenUp.ts';

export interface ReportRequest {
  'events'?: (_signet_v1_ReportedEvent)[];
  'givenUp'?: (_signet_v1_GivenUp)[];
}

export interface ReportRequest__Output {
  'events': (_signet_v1_ReportedEvent__Output)[];
  'givenUp': (_signet_v1_GivenUp__Output)[];
}
