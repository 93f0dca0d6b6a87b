import type {ChildProcess} from 'node:child_process'

/**
 * A clock for a Node process that jumps by so many seconds when it is told to, or has jumped when the process begins.
 * `env` is for the environment of the process.
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

/** The environment of a Node process in which time passes so many times as fast: for its long deadlines. */
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
 * The environment of a Node process whose timers take so many times as long: for what it does within a time that a busy
 * machine would not leave it.
 */
export function slowTimers(times: number): Record<string, string> {
  const script = `
    const real = globalThis.setTimeout
    globalThis.setTimeout = (action, ms, ...args) => real(action, ms * ${times}, ...args)`
  return {NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`}
}
