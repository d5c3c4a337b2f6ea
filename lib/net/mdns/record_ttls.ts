/** What hangs on a host's name or addresses: RFC 6762 section 10. */
export const HOST_TTL_SECONDS = 120;

/** All other records: RFC 6762 section 10. */
export const OTHER_TTL_SECONDS = 4500;

/** The longest TTL in answers to simple resolvers (RFC 6762 section 6.7). */
export const LEGACY_TTL_SECONDS = 10;
