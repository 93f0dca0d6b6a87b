import {type Account, accountOf} from '@ovpn3/sessions'
import {execFile} from 'node:child_process'

/** Looks up users by uid or name, or lists all. Uses NSS, which includes LDAP and SSSD users. */
export function accounts(users: readonly (number | string)[] = []): Promise<Account[]> {
  return new Promise((resolve) => {
    execFile('getent', ['--', 'passwd', ...users.map(String)], {maxBuffer: 1e8}, (_, stdout) => {
      // if a user is unknown, getent fails but still prints the others
      resolve(stdout.split('\n').flatMap((line) => accountOf(line) ?? []))
    })
  })
}

/** Accounts of people, as opposed to those of services. */
export function isPerson({uid}: Account): boolean {
  return uid >= 1000 && uid < 65_534
}
