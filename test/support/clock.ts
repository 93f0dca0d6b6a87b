import type {ChildProcess} from 'node:child_process'

/**
 * A clock for a Node.js process that jumps by a number of seconds at `jump`, or at the start of the process. Add `env`
 * to the environment of the process.
 */
export function clockThatJumps(seconds: number, {atOnce = false}: {atOnce?: boolean} = {}) {
  const script = `
    const Real = Date
    let by = ${atOnce ? seconds * 1000 : 0}
    process.on('SIGUSR2', () => { by = ${seconds * 1000} })
    globalThis.Date = class extends Real {
      constructor(...args) { if (args.length > 0) super(...args); else super(Real.now() + by) }
      static now() { return Real.now() + by }
    }`
  return {
    env: {NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`},
    jump: (child: ChildProcess) => void child.kill('SIGUSR2'),
  }
}

/** The environment of a Node.js process whose clock and timers run `times` as fast, to shorten long time limits. */
export function fastClock(times: number): Record<string, string> {
  const script = `
    const {performance, setInterval: every, setTimeout: after} = globalThis
    const now = performance.now.bind(performance)
    performance.now = () => now() * ${times}
    globalThis.setTimeout = (action, ms, ...args) => after(action, ms / ${times}, ...args)
    globalThis.setInterval = (action, ms, ...args) => every(action, ms / ${times}, ...args)`
  return {NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`}
}

/**
 * The environment of a Node.js process whose timers take `times` as long, for time limits that are too short on a busy
 * machine.
 */
export function slowTimers(times: number): Record<string, string> {
  const script = `
    const real = globalThis.setTimeout
    globalThis.setTimeout = (action, ms, ...args) => real(action, ms * ${times}, ...args)`
  return {NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`}
}
