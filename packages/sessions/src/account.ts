/** A user of a machine. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly fullName: string
}

/** Reads a line of passwd(5), as `getent passwd` prints it; undefined if it is none. */
export function accountOf(line: string): Account | undefined {
  const [name, , uid = '', , fullName = ''] = line.split(':')
  return name && /^\d+$/.test(uid) ? {fullName: fullName.split(',', 1)[0]!, name, uid: Number(uid)} : undefined
}
