/** Default of --connect-timeout, in seconds. */
export const defaultConnectTimeout = 10
