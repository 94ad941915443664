import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.ts';
import type { BotCertificate as _signet_v1_BotCertificate, BotCertificate__Output as _signet_v1_BotCertificate__Output } from './signet/v1/BotCertificate.ts';
import type { JoinRequest as _signet_v1_JoinRequest, JoinRequest__Output as _signet_v1_JoinRequest__Output } from './signet/v1/JoinRequest.ts';
import type { JoinResponse as _signet_v1_JoinResponse, JoinResponse__Output as _signet_v1_JoinResponse__Output } from './signet/v1/JoinResponse.ts';
import type { JoinServiceClient as _signet_v1_JoinServiceClient, JoinServiceDefinition as _signet_v1_JoinServiceDefinition } from './signet/v1/JoinService.ts';
import type { JoinStart as _signet_v1_JoinStart, JoinStart__Output as _signet_v1_JoinStart__Output } from './signet/v1/JoinStart.ts';
import type { RenewRequest as _signet_v1_RenewRequest, RenewRequest__Output as _signet_v1_RenewRequest__Output } from './signet/v1/RenewRequest.ts';
import type { RenewResponse as _signet_v1_RenewResponse, RenewResponse__Output as _signet_v1_RenewResponse__Output } from './signet/v1/RenewResponse.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
  signet: {
    v1: {
      BotCertificate: MessageTypeDefinition<_signet_v1_BotCertificate, _signet_v1_BotCertificate__Output>
      JoinRequest: MessageTypeDefinition<_signet_v1_JoinRequest, _signet_v1_JoinRequest__Output>
      JoinResponse: MessageTypeDefinition<_signet_v1_JoinResponse, _signet_v1_JoinResponse__Output>
      JoinService: SubtypeConstructor<typeof grpc.Client, _signet_v1_JoinServiceClient> & { service: _signet_v1_JoinServiceDefinition }
      JoinStart: MessageTypeDefinition<_signet_v1_JoinStart, _signet_v1_JoinStart__Output>
      RenewRequest: MessageTypeDefinition<_signet_v1_RenewRequest, _signet_v1_RenewRequest__Output>
      RenewResponse: MessageTypeDefinition<_signet_v1_RenewResponse, _signet_v1_RenewResponse__Output>
    }
  }
}

