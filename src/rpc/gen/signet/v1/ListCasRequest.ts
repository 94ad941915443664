// Original file: signet/v1/admin.proto


export interface ListCasRequest {
}

export interface ListCasRequest__Output {
}
