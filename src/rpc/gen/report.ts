import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { DeliveredSvid as _signet_v1_DeliveredSvid, DeliveredSvid__Output as _signet_v1_DeliveredSvid__Output } from './signet/v1/DeliveredSvid.ts';
import type { Delivery as _signet_v1_Delivery, Delivery__Output as _signet_v1_Delivery__Output } from './signet/v1/Delivery.ts';
import type { Denial as _signet_v1_Denial, Denial__Output as _signet_v1_Denial__Output } from './signet/v1/Denial.ts';
import type { GivenUp as _signet_v1_GivenUp, GivenUp__Output as _signet_v1_GivenUp__Output } from './signet/v1/GivenUp.ts';
import type { ReportRequest as _signet_v1_ReportRequest, ReportRequest__Output as _signet_v1_ReportRequest__Output } from './signet/v1/ReportRequest.ts';
import type { ReportResponse as _signet_v1_ReportResponse, ReportResponse__Output as _signet_v1_ReportResponse__Output } from './signet/v1/ReportResponse.ts';
import type { ReportServiceClient as _signet_v1_ReportServiceClient, ReportServiceDefinition as _signet_v1_ReportServiceDefinition } from './signet/v1/ReportService.ts';
import type { ReportedEvent as _signet_v1_ReportedEvent, ReportedEvent__Output as _signet_v1_ReportedEvent__Output } from './signet/v1/ReportedEvent.ts';
import type { ReportedProcess as _signet_v1_ReportedProcess, ReportedProcess__Output as _signet_v1_ReportedProcess__Output } from './signet/v1/ReportedProcess.ts';
import type { ReportedTimes as _signet_v1_ReportedTimes, ReportedTimes__Output as _signet_v1_ReportedTimes__Output } from './signet/v1/ReportedTimes.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  signet: {
    v1: {
      DeliveredSvid: MessageTypeDefinition<_signet_v1_DeliveredSvid, _signet_v1_DeliveredSvid__Output>
      Delivery: MessageTypeDefinition<_signet_v1_Delivery, _signet_v1_Delivery__Output>
      Denial: MessageTypeDefinition<_signet_v1_Denial, _signet_v1_Denial__Output>
      GivenUp: MessageTypeDefinition<_signet_v1_GivenUp, _signet_v1_GivenUp__Output>
      ReportRequest: MessageTypeDefinition<_signet_v1_ReportRequest, _signet_v1_ReportRequest__Output>
      ReportResponse: MessageTypeDefinition<_signet_v1_ReportResponse, _signet_v1_ReportResponse__Output>
      ReportService: SubtypeConstructor<typeof grpc.Client, _signet_v1_ReportServiceClient> & { service: _signet_v1_ReportServiceDefinition }
      ReportedEvent: MessageTypeDefinition<_signet_v1_ReportedEvent, _signet_v1_ReportedEvent__Output>
      ReportedProcess: MessageTypeDefinition<_signet_v1_ReportedProcess, _signet_v1_ReportedProcess__Output>
      ReportedTimes: MessageTypeDefinition<_signet_v1_ReportedTimes, _signet_v1_ReportedTimes__Output>
    }
  }
}

