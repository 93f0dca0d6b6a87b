/**
 * Loads the CLI once and runs one command line after another, for tests that check only the output and the exit status.
 */
import path from 'node:path'

import {become, serve} from './forked'

export interface Line {
  readonly id: number
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export interface Ended {
  readonly id: number
  readonly status: number
  readonly stderr: string
  readonly stdout: string
}

/** Captures everything written to a stream while `run` is running. */
async function capture(stream: NodeJS.WriteStream, run: () => Promise<unknown>): Promise<string> {
  const chunks: string[] = []
  const {write} = stream
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    chunks.push(Buffer.from(chunk).toString())
    for (const callback of rest) if (typeof callback === 'function') callback()
    return true
  }

  try {
    await run()
    return chunks.join('')
  } finally {
    stream.write = write
  }
}

async function runLines(uid: number, root: string): Promise<void> {
  const bundle = (await import(path.join(root, 'dist', 'ovpn3.js'))) as {default: {start(root: string): Promise<void>}}
  const {start} = bundle.default
  become(uid)
  let exit: number | undefined
  // An exit ends the command line, not this process.
  process.exit = ((status) => {
    exit ??= Number(status ?? process.exitCode ?? 0)
  }) as typeof process.exit

  // Each command line adds a listener.
  for (const stream of [process.stderr, process.stdout]) stream.setMaxListeners(0)
  const run = async ({args, env}: Line): Promise<number> => {
    process.argv.splice(2, Infinity, ...args)
    Object.assign(process.env, env)
    process.exitCode = undefined
    exit = undefined
    await start(root)
    return exit ?? Number(process.exitCode ?? 0)
  }

  const ended = async (line: Line): Promise<Omit<Ended, 'id'>> => {
    let [status, stderr] = [0, '']
    const stdout = await capture(process.stdout, async () => {
      stderr = await capture(process.stderr, async () => {
        status = await run(line)
      })
    })
    return {status, stderr, stdout}
  }

  let last: Promise<unknown> = Promise.resolve()
  serve<Line, Ended>((line) => {
    const next = last.then(() => ended(line))
    last = next
    return next
  })
}

void runLines(Number(process.argv[2]), String(process.argv[3]))
