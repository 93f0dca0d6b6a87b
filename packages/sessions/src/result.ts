import type {User} from './account'
import type {Endpoint, Session} from './session'

import {type ErrorCode, exitStatus, hasCode, isOutage, Ovpn3Error} from './errors'
import {hintOn, hostPrefix} from './host'
import {type SessionStatus, statusText} from './status'
import {safeText, shortId} from './text'

/** A status as `--json` shows it. */
export interface StatusJson {
  readonly major: number
  readonly minor: number
  readonly text: string
  readonly message: string
}

/** An error as `--json` shows it. */
export interface ErrorJson {
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string
}

/**
 * How an action on a session ended:
 * - `done`: the action took effect
 * - `unchanged`: there was nothing to do
 * - `planned`: would be done without `--dry-run`
 * - `removed`, `kept`: by a clean-up
 * - `failed`: see `error`
 */
export type Outcome = 'done' | 'failed' | 'kept' | 'planned' | 'removed' | 'unchanged'

/** The endpoint and addresses of a connected session. */
export interface Connection {
  readonly server: Endpoint
  /** The name that the server gives, in most cases its address. */
  readonly name: string
  /** Null if unknown. */
  readonly device: string | null
  /** The local address of the tunnel; null if the log does not contain it. */
  readonly address: string | null
}

/** The result for one session, described in `docs/schemas`. */
export interface SessionResult extends SessionIdentity {
  /** Null if it could not be read. */
  readonly config: string | null
  /** Only for another user's session, if it could be read. */
  readonly owner?: User
  readonly outcome: Outcome
  /** Whether the action changed the session. */
  readonly changed: boolean
  /** The outcome as text, without the session's name. */
  readonly message: string
  /** The last status seen. */
  readonly status: StatusJson | null
  readonly statistics?: Readonly<Record<string, bigint>>
  readonly logLevel?: {readonly current: number; readonly previous: number}
  /** Only of a session that the command connected and waited for. */
  readonly connection?: Connection
  readonly error?: ErrorJson
}

/** A status as `--json` shows it; null if it is unknown. */
export function statusJson(status: SessionStatus | undefined): StatusJson | null {
  return status ? {major: status.major, minor: status.minor, text: statusText(status), message: status.message} : null
}

/** An error as `--json` shows it. */
export function errorJson(error: Ovpn3Error): ErrorJson {
  return {code: error.code, message: error.message, hint: error.hint}
}

/** The short name of a session, without its ID and owner: `office`, `gw1:office`, or `session c2df8ae4` without a profile. */
export function sessionName({
  config,
  host,
  id,
}: Pick<SessionResult, 'host' | 'id'> & {readonly config?: string | null}): string {
  return hostPrefix(host) + (safeText(config ?? '') || `session ${shortId(id)}`)
}

/**
 * The name of a session for people: `office (c2df8ae4)`; `session c2df8ae4` without a profile; `office (c2df8ae4) of bob`
 * with the owner, which is given only if it is another user; `gw1:office (c2df8ae4)` with the host.
 */
export function sessionLabel({
  config,
  host,
  id,
  owner,
}: Pick<SessionResult, 'host' | 'id' | 'owner'> & {readonly config?: string | null}): string {
  const name = hostPrefix(host) + (config ? `${safeText(config)} (${shortId(id)})` : `session ${shortId(id)}`)
  return owner ? `${name} of ${owner.name === null ? `uid ${owner.uid}` : safeText(owner.name)}` : name
}

/**
 * Fails if a source could not be reached, because then the state of its sessions is unknown.
 * @throws Ovpn3Error the outage found in the snapshots
 */
export function failOnOutage(sessions: readonly Session[]): void {
  const outage = sessions.flatMap(({snapshot}) => Object.values(snapshot.errors)).find((error) => isOutage(error))
  if (outage) throw outage
}

/** The profile's name, from the snapshot or from the lookup. */
export function configOf(session: Session): string | null {
  return session.snapshot.values.config_name ?? session.config ?? null
}

/** What identifies a session in JSON. */
export interface SessionIdentity {
  /** The machine that it is on, as given with --host; left out: this one. */
  readonly host?: string
  readonly path: string
  readonly id: string
}

export function identityOf({id, path, source: {host}}: Session): SessionIdentity {
  return {...(host !== undefined && {host}), path, id}
}

/** The name of a session for people: `office (c2df8ae4)`. @param owner given if it is another user */
export function labelOf(session: Session, owner?: User): string {
  return sessionLabel({config: configOf(session), host: session.source.host, id: session.id, owner})
}

/** The same error, prefixed with the name of its session. */
export function aboutSession(session: Session, error: Ovpn3Error, owner?: User): Ovpn3Error {
  return new Ovpn3Error(error.code, `${labelOf(session, owner)}: ${error.message}`, {
    cause: error,
    hint: hintOn(session.source.host, error.hint),
  })
}

/** Whether an error means that the session no longer exists. */
export const isGone = (error: unknown) => hasCode(error, 'session-stale', 'session-not-found')

/**
 * The error of a session that no longer exists. `session-stale` takes precedence: only the first read of a stale session
 * reports it, later reads report `session-not-found`.
 */
export function goneError({snapshot: {errors}}: Session): Ovpn3Error | undefined {
  const all = Object.values(errors)
  return all.find(({code}) => code === 'session-stale') ?? all.find(({code}) => code === 'session-not-found')
}

/**
 * The exit status of a command that acted on sessions. If one of several failed, it is that of `some-failed`; if one was
 * interrupted, that of `interrupted`.
 */
export function exitStatusOf(results: readonly Pick<SessionResult, 'error'>[]): number {
  const failed = results.flatMap(({error}) => (error ? [error.code] : []))
  if (failed.length === 0) return 0
  if (failed.includes('interrupted')) return exitStatus.interrupted
  return exitStatus[results.length === 1 ? failed[0]! : 'some-failed']
}
