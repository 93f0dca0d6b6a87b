import {execFile} from 'node:child_process'
import {userInfo} from 'node:os'

/** The name of a user, through NSS (so LDAP and SSSD users have theirs); the uid where there is none. */
export async function userName(uid: number): Promise<string> {
  if (uid === process.getuid?.()) {
    try {
      return userInfo().username
    } catch {
      // no entry for the caller: getent has none either
      return String(uid)
    }
  }

  return new Promise((resolve) => {
    execFile('getent', ['passwd', String(uid)], {timeout: 2000}, (error, stdout) => {
      resolve((!error && stdout.split(':', 1)[0]) || String(uid))
    })
  })
}
