import {durationOf} from '@ovpn3/kit'
import {booleanOf} from '@ovpn3/kit/flags'
import {Ovpn3Error} from '@ovpn3/sessions'

/** What to do where a session of the profile runs already. */
export type IfRunning = 'fail' | 'keep' | 'restart'

/** What a command line of session-start asks for, checked. */
export interface Request {
  readonly background: boolean
  readonly dco?: boolean
  readonly foreground: boolean
  readonly ifRunning: IfRunning
  readonly keep: boolean
  /** A saved profile by its path. */
  readonly path?: string
  readonly persistTun: boolean
  /** The name of a saved profile, or else a file. */
  readonly profile?: string
  /** Seconds. */
  readonly timeout: number
}

export interface RequestFlags {
  readonly background?: boolean
  readonly config?: string
  readonly 'config-path'?: string
  readonly dco?: string
  readonly foreground?: boolean
  readonly 'if-running'?: string
  readonly keep?: boolean
  readonly 'persist-tun'?: boolean
  readonly timeout?: string
}

/** @param argument the profile as the one positional argument @throws Ovpn3Error `usage` */
export function requestOf(flags: RequestFlags, argument?: string): Request {
  const {background, config, dco, foreground, keep, timeout} = flags
  const path = flags['config-path']
  if (argument !== undefined && (config !== undefined || path !== undefined))
    throw new Ovpn3Error('usage', 'the profile is given twice', {
      hint: 'Give it as an argument, with --config or with --config-path',
    })
  const profile = argument ?? config
  if (profile === '' || path === '') throw new Ovpn3Error('usage', 'the name of the profile is empty')
  // D-Bus strings cannot hold it, and no name of a file can
  if (profile?.includes('\0')) throw new Ovpn3Error('usage', 'the name of a profile has no NUL character')
  return {
    background: Boolean(background),
    dco: dco === undefined ? undefined : booleanOf(dco, 'dco'),
    foreground: Boolean(foreground),
    ifRunning: (flags['if-running'] ?? 'fail') as IfRunning,
    keep: Boolean(keep),
    path,
    persistTun: Boolean(flags['persist-tun']),
    profile,
    timeout:
      timeout === undefined
        ? Number.POSITIVE_INFINITY
        : durationOf('timeout', timeout, {hint: 'Omit --timeout to wait without a limit'}),
  }
}
