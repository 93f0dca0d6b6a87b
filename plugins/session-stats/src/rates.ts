export type Counters = Readonly<Record<string, bigint>>

/** The counter of each rate. */
export const rateCounters = {
  bytesIn: 'BYTES_IN',
  bytesOut: 'BYTES_OUT',
  packetsIn: 'PACKETS_IN',
  packetsOut: 'PACKETS_OUT',
  tunBytesIn: 'TUN_BYTES_IN',
  tunBytesOut: 'TUN_BYTES_OUT',
  tunPacketsIn: 'TUN_PACKETS_IN',
  tunPacketsOut: 'TUN_PACKETS_OUT',
} as const

export type RateName = keyof typeof rateCounters
/** Per second. */
export type Rates = Readonly<Record<RateName, number>>

export interface Reading {
  /** Milliseconds of a monotonic clock. */
  readonly at: number
  readonly counters: Counters
}

/** The growth of the counters per second, or null if no time has passed between the readings. */
export function ratesBetween(before: Reading, after: Reading): Rates | null {
  const seconds = (after.at - before.at) / 1000
  if (seconds <= 0) return null
  return Object.fromEntries(
    Object.entries(rateCounters).map(([rate, counter]) => {
      const increase = growth(before.counters[counter], after.counters[counter])
      return [rate, Math.round((Number(increase) / seconds) * 1000) / 1000]
    }),
  ) as Record<RateName, number>
}

/** A counter that shrank was reset to 0. The service leaves out counters that are 0. */
function growth(before = 0n, after = 0n): bigint {
  return after < before ? after : after - before
}
