import {execFile} from 'node:child_process'

/** A user of this machine. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly fullName: string
}

/** Users as NSS knows them, so that LDAP and SSSD users are among them: these, by uid or name, or all that it lists. */
export function accounts(users: readonly (number | string)[] = []): Promise<Account[]> {
  return new Promise((resolve) => {
    execFile('getent', ['--', 'passwd', ...users.map(String)], {maxBuffer: 1e8}, (_, stdout) => {
      // where one of them is unknown getent fails, and has printed the others
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
