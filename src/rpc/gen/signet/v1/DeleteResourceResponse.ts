// Original file: signet/v1/admin.proto


export interface DeleteResourceResponse {
}

export interface DeleteResourceResponse__Output {
}
