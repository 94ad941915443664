// Original file: signet/v1/agent_admin.proto


export interface AgentAdminServiceGetStatusRequest {
}

export interface AgentAdminServiceGetStatusRequest__Output {
}
