/** Captures everything that this process writes to its standard streams while `work` is running. */
export async function capture<T>(
  work: () => Promise<T>,
): Promise<{readonly stderr: string; readonly stdout: string; readonly value: T}> {
  const out = {stderr: '', stdout: ''}
  const writes = (['stderr', 'stdout'] as const).map((name) => {
    const stream = process[name]
    const {write} = stream
    stream.write = ((chunk: unknown, ...rest: never[]) => {
      // The test runner writes its reports as bytes.
      if (typeof chunk !== 'string') return write.call(stream, chunk as never, ...rest)
      out[name] += chunk
      return true
    }) as typeof stream.write
    return () => {
      stream.write = write
    }
  })
  try {
    const value = await work()
    return {...out, value}
  } finally {
    for (const restore of writes) restore()
  }
}
