import {mock} from 'node:test'

/** A clock for timers and `performance.now` that advances only when a test calls `pass`. */
export interface MockClock {
  readonly now: () => number
  /** Advances the clock and runs everything that is due by then. */
  pass(milliseconds: number): Promise<void>
  reset(): void
}

/** Waits for pending work that does not depend on timers. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
}

export function mockClock(): MockClock {
  let now = 1_000_000
  mock.timers.enable({apis: ['setInterval', 'setTimeout']})
  mock.method(performance, 'now', () => now)
  return {
    now: () => now,
    async pass(milliseconds) {
      await settled()
      for (let left = milliseconds; left > 0; left -= 50) {
        const step = Math.min(left, 50)
        now += step
        mock.timers.tick(step)
        await settled()
      }
    },
    reset: () => mock.reset(),
  }
}
