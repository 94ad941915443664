import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { ReportRequest as _signet_v1_ReportRequest, ReportRequest__Output as _signet_v1_ReportRequest__Output } from './signet/v1/ReportRequest.ts';
import type { ReportResponse as _signet_v1_ReportResponse, ReportResponse__Output as _signet_v1_ReportResponse__Output } from './signet/v1/ReportResponse.ts';
import type { ReportServiceClient as _signet_v1_ReportServiceClient, ReportServiceDefinition as _signet_v1_ReportServiceDefinition } from './signet/v1/ReportService.ts';
import type { ReportedEvent as _signet_v1_ReportedEvent, ReportedEvent__Output as _signet_v1_ReportedEvent__Output } from './signet/v1/ReportedEvent.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  signet: {
    v1: {
      ReportRequest: MessageTypeDefinition<_signet_v1_ReportRequest, _signet_v1_ReportRequest__Output>
      ReportResponse: MessageTypeDefinition<_signet_v1_ReportResponse, _signet_v1_ReportResponse__Output>
      ReportService: SubtypeConstructor<typeof grpc.Client, _signet_v1_ReportServiceClient> & { service: _signet_v1_ReportServiceDefinition }
      ReportedEvent: MessageTypeDefinition<_signet_v1_ReportedEvent, _signet_v1_ReportedEvent__Output>
    }
  }
}

