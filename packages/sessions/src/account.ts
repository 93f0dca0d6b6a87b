/** A user of a machine, as in JSON; `name` is null if the uid has no account. */
export interface User {
  readonly uid: number
  readonly name: string | null
}

/** An account of a machine. */
export interface Account extends User {
  readonly name: string
  readonly fullName: string
}

/** Reads a line of passwd(5), as `getent passwd` prints it; undefined if it is none. */
export function accountOf(line: string): Account | undefined {
  const [name, , uid = '', , fullName = ''] = line.split(':')
  return name && /^\d+$/.test(uid) ? {fullName: fullName.split(',', 1)[0]!, name, uid: Number(uid)} : undefined
}
