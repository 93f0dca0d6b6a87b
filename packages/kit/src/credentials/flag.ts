import * as Flags from '@oclif/core/flags'

/** For commands that connect sessions; `readCredentials` reads what it names. */
export const credentialsFlag = {
  credentials: Flags.string({
    helpGroup: 'CREDENTIALS',
    helpValue: 'FILE',
    summary: 'Answer from FILE: user name and password on a line each, or JSON by name; - is standard input.',
  }),
}
