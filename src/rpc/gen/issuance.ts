import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { IdentityClaim as _signet_v1_IdentityClaim, IdentityClaim__Output as _signet_v1_IdentityClaim__Output } from './signet/v1/IdentityClaim.ts';
import type { IssuanceServiceClient as _signet_v1_IssuanceServiceClient, IssuanceServiceDefinition as _signet_v1_IssuanceServiceDefinition } from './signet/v1/IssuanceService.ts';
import type { IssueError as _signet_v1_IssueError, IssueError__Output as _signet_v1_IssueError__Output } from './signet/v1/IssueError.ts';
import type { IssueJwtSvidsRequest as _signet_v1_IssueJwtSvidsRequest, IssueJwtSvidsRequest__Output as _signet_v1_IssueJwtSvidsRequest__Output } from './signet/v1/IssueJwtSvidsRequest.ts';
import type { IssueJwtSvidsResponse as _signet_v1_IssueJwtSvidsResponse, IssueJwtSvidsResponse__Output as _signet_v1_IssueJwtSvidsResponse__Output } from './signet/v1/IssueJwtSvidsResponse.ts';
import type { IssueX509SvidsRequest as _signet_v1_IssueX509SvidsRequest, IssueX509SvidsRequest__Output as _signet_v1_IssueX509SvidsRequest__Output } from './signet/v1/IssueX509SvidsRequest.ts';
import type { IssueX509SvidsResponse as _signet_v1_IssueX509SvidsResponse, IssueX509SvidsResponse__Output as _signet_v1_IssueX509SvidsResponse__Output } from './signet/v1/IssueX509SvidsResponse.ts';
import type { IssuedJwtSvid as _signet_v1_IssuedJwtSvid, IssuedJwtSvid__Output as _signet_v1_IssuedJwtSvid__Output } from './signet/v1/IssuedJwtSvid.ts';
import type { IssuedX509Svid as _signet_v1_IssuedX509Svid, IssuedX509Svid__Output as _signet_v1_IssuedX509Svid__Output } from './signet/v1/IssuedX509Svid.ts';
import type { JwtSvidRequest as _signet_v1_JwtSvidRequest, JwtSvidRequest__Output as _signet_v1_JwtSvidRequest__Output } from './signet/v1/JwtSvidRequest.ts';
import type { JwtSvidResult as _signet_v1_JwtSvidResult, JwtSvidResult__Output as _signet_v1_JwtSvidResult__Output } from './signet/v1/JwtSvidResult.ts';
import type { X509SvidRequest as _signet_v1_X509SvidRequest, X509SvidRequest__Output as _signet_v1_X509SvidRequest__Output } from './signet/v1/X509SvidRequest.ts';
import type { X509SvidResult as _signet_v1_X509SvidResult, X509SvidResult__Output as _signet_v1_X509SvidResult__Output } from './signet/v1/X509SvidResult.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  signet: {
    v1: {
      IdentityClaim: MessageTypeDefinition<_signet_v1_IdentityClaim, _signet_v1_IdentityClaim__Output>
      IssuanceService: SubtypeConstructor<typeof grpc.Client, _signet_v1_IssuanceServiceClient> & { service: _signet_v1_IssuanceServiceDefinition }
      IssueError: MessageTypeDefinition<_signet_v1_IssueError, _signet_v1_IssueError__Output>
      IssueJwtSvidsRequest: MessageTypeDefinition<_signet_v1_IssueJwtSvidsRequest, _signet_v1_IssueJwtSvidsRequest__Output>
      IssueJwtSvidsResponse: MessageTypeDefinition<_signet_v1_IssueJwtSvidsResponse, _signet_v1_IssueJwtSvidsResponse__Output>
      IssueX509SvidsRequest: MessageTypeDefinition<_signet_v1_IssueX509SvidsRequest, _signet_v1_IssueX509SvidsRequest__Output>
      IssueX509SvidsResponse: MessageTypeDefinition<_signet_v1_IssueX509SvidsResponse, _signet_v1_IssueX509SvidsResponse__Output>
      IssuedJwtSvid: MessageTypeDefinition<_signet_v1_IssuedJwtSvid, _signet_v1_IssuedJwtSvid__Output>
      IssuedX509Svid: MessageTypeDefinition<_signet_v1_IssuedX509Svid, _signet_v1_IssuedX509Svid__Output>
      JwtSvidRequest: MessageTypeDefinition<_signet_v1_JwtSvidRequest, _signet_v1_JwtSvidRequest__Output>
      JwtSvidResult: MessageTypeDefinition<_signet_v1_JwtSvidResult, _signet_v1_JwtSvidResult__Output>
      Occasion: EnumTypeDefinition
      X509SvidRequest: MessageTypeDefinition<_signet_v1_X509SvidRequest, _signet_v1_X509SvidRequest__Output>
      X509SvidResult: MessageTypeDefinition<_signet_v1_X509SvidResult, _signet_v1_X509SvidResult__Output>
    }
  }
}

