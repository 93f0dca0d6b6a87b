import {execFile} from 'node:child_process'

/** A user of this machine. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly fullName: string
}

/** Looks up users by uid or name, or lists all. Uses NSS, which includes LDAP and SSSD users. */
export function accounts(users: readonly (number | string)[] = []): Promise<Account[]> {
  return new Promise((resolve) => {
    execFile('getent', ['--', 'passwd', ...users.map(String)], {maxBuffer: 1e8}, (_, stdout) => {
      // if a user is unknown, getent fails but still prints the others
      resolve(stdout.split('\n').flatMap((line) => accountOf(line) ?? []))
    })
  })
}

function accountOf(line: string): Account | undefined {
  const [name, , uid, , fullName = ''] = line.split(':')
  return name && uid ? {fullName: fullName.split(',', 1)[0]!, name, uid: Number(uid)} : undefined
}

/** Accounts of people, as opposed to those of services. */
export function isPerson({uid}: Account): boolean {
  return uid >= 1000 && uid < 65_534
}
