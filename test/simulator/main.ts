import {parseArgs} from 'node:util'

import {demo} from './demo'
import {simulator} from './simulator'

const usage = 'Usage: main.js [--version 24.1|27.1] [--scenario demo|empty] [--exit-with-stdin]'

/**
 * Runs the simulator as a separate process. The first line of its output is the environment variable for its bus. It
 * runs until it is interrupted, or with --exit-with-stdin until its standard input ends.
 */
async function main(): Promise<void> {
  const {values} = parseArgs({
    options: {
      'exit-with-stdin': {default: false, type: 'boolean'},
      scenario: {default: 'demo', type: 'string'},
      version: {default: '27.1', type: 'string'},
    },
  })
  const {scenario, version} = values
  if ((version !== '24.1' && version !== '27.1') || !['demo', 'empty'].includes(scenario)) throw new Error(usage)
  const world = await simulator({me: true, version})
  if (scenario === 'demo') {
    const gateway = await demo(world)
    process.once('SIGUSR2', () => {
      void world.killBackend(gateway)
    })
  }

  const end = () => {
    void world.close().then(() => process.exit(0))
  }

  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  process.once('SIGHUP', end)
  if (values['exit-with-stdin']) process.stdin.on('end', end).resume()
  // The parent process may have closed the pipe, which must not crash the simulator.
  process.stdout.on('error', () => {})
  process.stdout.write(`DBUS_SYSTEM_BUS_ADDRESS=${world.busAddress}\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
