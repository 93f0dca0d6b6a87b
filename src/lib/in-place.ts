import {safeText, type SessionResult, StatusMinor} from '@ovpn3/sessions'

import type {Action} from './plan'

/**
 * The lines of `openvpn3 session-manage` on standard output, for programs that parse them. Each is identical to the
 * reference; docs/in-place-of-openvpn3.md lists the differences.
 */

/** Printed before a clean-up. */
export function checkingLine(sessions: number): string {
  return `Cleaning up stale sessions - Found ${sessions} open sessions to check`
}

/** Printed before the action on a session. */
export function beginningLines(action: Action, path: string): string[] {
  if (action === 'restart') return [`Restarting session: ${safeText(path)}`]
  return action === 'resume' ? [`Resuming session: ${safeText(path)}`] : []
}

/**
 * The lines for a completed action on one session; none for an outcome that the reference does not have.
 * @param connection the line for a connected session
 */
export function resultLines(action: Action, result: SessionResult, connection: string): string[] {
  const {changed, logLevel, outcome, path} = result
  switch (action) {
    case 'cleanup':
      return cleanUpLines(result)
    case 'disconnect': {
      if (outcome !== 'done' && outcome !== 'removed') return []
      const unknown = result.statistics ? [] : ['Connection statistics is not available']
      return [...unknown, 'Initiated session shutdown.']
    }

    case 'log-level': {
      if (!logLevel || outcome === 'planned') return []
      const set = changed ? [`New log level: ${logLevel.current}`] : []
      return [`Current log level: ${logLevel.previous}`, ...set]
    }

    case 'pause':
      return outcome === 'done' ? [`Initiated session pause: ${path}`] : []
    case 'restart':
    case 'resume':
      return outcome === 'done' ? [connection] : []
  }
}

/** Printed after a clean-up. */
export function checkedLine(removed: number): string {
  return `${removed} session${removed === 1 ? '' : 's'} removed`
}

function cleanUpLines({config, outcome, path, status}: SessionResult): string[] {
  const checking = `Checking:  ${safeText(config ?? '')} - ${path} ... `
  switch (outcome) {
    case 'kept':
      // a session that cannot be read: the reference would print that it removes it
      return config === null ? [] : [`${checking}Valid, keeping it`]
    case 'removed':
      // the reference cannot name a stale session
      return [status && status.minor !== StatusMinor.unset ? `${checking}Removed` : 'Removed']
    default:
      return []
  }
}
