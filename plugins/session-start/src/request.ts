import {durationOf} from '@ovpn3/kit'
import {booleanOf} from '@ovpn3/kit/flags'
import {Ovpn3Error} from '@ovpn3/sessions'

/** How to handle a session of the profile that is already running. */
export type IfRunning = 'fail' | 'keep' | 'restart'

/** The validated options of session-start. */
export interface Request {
  readonly background: boolean
  readonly dco?: boolean
  readonly foreground: boolean
  readonly ifRunning: IfRunning
  readonly keep: boolean
  /** D-Bus path of a saved profile. */
  readonly path?: string
  readonly persistTun: boolean
  /** Name of a saved profile, or a file. */
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

/** @param argument the positional argument PROFILE @throws Ovpn3Error `usage` */
export function requestOf(flags: RequestFlags, argument?: string): Request {
  const {background, config, dco, foreground, keep, timeout} = flags
  const path = flags['config-path']
  if (argument !== undefined && (config !== undefined || path !== undefined))
    throw new Ovpn3Error('usage', 'more than one profile given', {
      hint: 'Pass one of PROFILE, --config and --config-path',
    })
  const profile = argument ?? config
  if (profile === '' || path === '') throw new Ovpn3Error('usage', 'the profile name is empty')
  // neither a D-Bus string nor a file name can contain NUL
  if (profile?.includes('\0')) throw new Ovpn3Error('usage', 'the profile name contains a NUL character')
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
