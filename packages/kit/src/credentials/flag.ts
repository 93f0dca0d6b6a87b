import * as Flags from '@oclif/core/flags'

/** The flag --credentials of commands that connect sessions; see `readCredentials`. */
export const credentialsFlag = {
  credentials: Flags.string({
    helpGroup: 'CREDENTIALS',
    helpValue: 'FILE',
    summary:
      'Read credentials from FILE: user name and password on separate lines, or JSON: {"username": "alice", "password": "secret"}; - is standard input',
  }),
}
