import {mock} from 'node:test'

/** Time that passes when a test says so, for timers and for `performance.now`. */
export interface MockClock {
  readonly now: () => number
  /** Lets so many milliseconds pass, and everything happen that happens meanwhile. */
  pass(milliseconds: number): Promise<void>
  reset(): void
}

/** Whatever needs no time. */
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
