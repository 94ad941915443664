/** Of a Unix socket: sockaddr_un holds 108 bytes, the last of them zero. */
export const MAX_SOCKET_PATH_BYTES = 107
