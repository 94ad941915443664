/** The maximum length of a Unix socket path: sockaddr_un holds 108 bytes, including the terminating NUL. */
export const MAX_SOCKET_PATH_BYTES = 107
