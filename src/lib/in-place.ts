import {safeText, type SessionResult, StatusMinor} from '@ovpn3/sessions'

import type {Action} from './plan'

/**
 * The lines of `openvpn3 session-manage`, for programs that drive it and read its standard output. They are an
 * interface, so each is the reference's own to the letter; docs/in-place-of-openvpn3.md has the differences.
 */

/** Printed before sessions are checked. */
export function checkingLine(sessions: number): string {
  return `Cleaning up stale sessions - Found ${sessions} open sessions to check`
}

/** Printed once a session is worked on. */
export function beginningLines(action: Action, path: string): string[] {
  if (action === 'restart') return [`Restarting session: ${safeText(path)}`]
  return action === 'resume' ? [`Resuming session: ${safeText(path)}`] : []
}

/**
 * What was done with one session; nothing for what the reference would not do.
 * @param connection the line for one that was brought up
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

/** Printed after sessions were checked. */
export function checkedLine(removed: number): string {
  return `${removed} session${removed === 1 ? '' : 's'} removed`
}

function cleanUpLines({config, outcome, path, status}: SessionResult): string[] {
  const checking = `Checking:  ${safeText(config ?? '')} - ${path} ... `
  switch (outcome) {
    case 'kept':
      // one that cannot be read the reference removes
      return config === null ? [] : [`${checking}Valid, keeping it`]
    case 'removed':
      // of a stale session it has no name
      return [status && status.minor !== StatusMinor.unset ? `${checking}Removed` : 'Removed']
    default:
      return []
  }
}
