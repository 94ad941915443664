// Original file: signet/v1/report.proto

import type { ReportedProcess as _signet_v1_ReportedProcess, ReportedProcess__Output as _signet_v1_ReportedProcess__Output } from '../../signet/v1/ReportedProcess.ts';
import type { ReportedTimes as _signet_v1_ReportedTimes, ReportedTimes__Output as _signet_v1_ReportedTimes__Output } from '../../signet/v1/ReportedTimes.ts';
import type { Denial as _signet_v1_Denial, Denial__Output as _signet_v1_Denial__Output } from '../../signet/v1/Denial.ts';
import type { Delivery as _signet_v1_Delivery, Delivery__Output as _signet_v1_Delivery__Output } from '../../signet/v1/Delivery.ts';

export interface ReportedEvent {
  'uid'?: (number);
  'processes'?: (_signet_v1_ReportedProcess)[];
  'others'?: (_signet_v1_ReportedTimes | null);
  'denied'?: (_signet_v1_Denial | null);
  'delivered'?: (_signet_v1_Delivery | null);
  'what'?: "denied"|"delivered";
}

export interface ReportedEvent__Output {
  'uid': (number);
  'processes': (_signet_v1_ReportedProcess__Output)[];
  'others': (_signet_v1_ReportedTimes__Output | null);
  'denied'?: (_signet_v1_Denial__Output | null);
  'delivered'?: (_signet_v1_Delivery__Output | null);
  'what'?: "denied"|"delivered";
}
