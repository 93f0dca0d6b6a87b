import * as Flags from '@oclif/core/flags'
import {type ConnectOptions} from '@ovpn3/sessions'

import {durationOf} from './duration'

/** Whether a command waits for the connection, and how long. */
export interface Wait extends Pick<ConnectOptions, 'wait'> {
  readonly keep: boolean
  /** Seconds, or infinity. */
  readonly timeout: number
}

export interface WaitValues {
  readonly background?: boolean
  readonly keep?: boolean
  readonly timeout?: string
  readonly wait?: boolean
}

/** Default timeout on a terminal, in seconds. */
const defaultTimeout = 30

const helpGroup = 'CONNECTION'

/** The flags of commands that connect sessions. */
export const waitFlags = {
  timeout: Flags.string({
    helpGroup,
    helpValue: 'TIME',
    summary:
      'Wait up to TIME (30, 10s, 1m30s) for the connection, then disconnect, unless the session was already connecting',
  }),
  wait: Flags.boolean({
    exclusive: ['timeout'],
    helpGroup,
    summary: 'Wait for the connection without a time limit; without a terminal, the default is not to wait',
  }),
  background: Flags.boolean({
    exclusive: ['timeout', 'wait', 'keep'],
    helpGroup,
    summary: 'Ask for all input first, then connect in the background',
  }),
  keep: Flags.boolean({
    helpGroup,
    relationships: [{flags: ['timeout', 'wait'], type: 'some'}],
    summary: 'On timeout or Ctrl-C, keep connecting instead of disconnecting',
  }),
}

/**
 * Evaluates the flags. Without any of them, a command on a terminal waits up to 30 s, and other commands wait for the
 * outcome of a login.
 * @param interactive whether a user waits on a terminal
 * @throws Ovpn3Error `usage`
 */
export function waitOf({background, keep = false, timeout, wait}: WaitValues, interactive: boolean): Wait {
  if (timeout !== undefined)
    return {
      keep,
      timeout: durationOf('timeout', timeout, {hint: 'Pass --wait to wait without a limit'}),
      wait: 'required',
    }
  if (wait) return {keep, timeout: Number.POSITIVE_INFINITY, wait: 'required'}
  if (interactive && !background) return {keep, timeout: defaultTimeout, wait: 'default'}
  return {keep, timeout: Number.POSITIVE_INFINITY, wait: background ? 'never' : 'login'}
}
