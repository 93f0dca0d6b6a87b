/** Seconds within which a host must answer, unless --connect-timeout says otherwise. */
export const defaultConnectTimeout = 10
