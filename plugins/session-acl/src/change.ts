import {type Selected, type User, userOf, userText} from '@ovpn3/kit'
import {
  aboutSession,
  type ErrorJson,
  errorJson,
  isOutage,
  isOvpn3Error,
  Ovpn3Error,
  proceed,
  type PropertyName,
  type Session,
  withGrace,
} from '@ovpn3/sessions'

/** A permission that is turned on or off. */
export interface Switch {
  readonly action: 'allow-log-access' | 'public-access'
  readonly value: boolean
}

/** The method and property of each switch, the value of the property while it is on, and the words for it. */
const switches = {
  'allow-log-access': {
    method: 'setLogAccess',
    property: 'restrict_log_access',
    whenOn: false,
    subject: 'Session log',
    on: 'to users granted session access',
    off: 'to the session owner',
  },
  'public-access': {
    method: 'setPublicAccess',
    property: 'public_access',
    whenOn: true,
    subject: 'Session',
    on: 'by everyone',
    off: 'to specific users',
  },
} as const

/** A change of the access to a session. */
export type Change = Switch | {readonly action: 'grant' | 'revoke'; readonly user: User}

/**
 * The outcome of a change:
 * - `done`: made
 * - `unchanged`: already in effect
 * - `planned`: would be made without `--dry-run`
 * - `failed`: see `error`
 * - `skipped`: not attempted, because an earlier change failed or was interrupted
 */
export type ChangeOutcome = 'done' | 'failed' | 'planned' | 'skipped' | 'unchanged'

/** A stable interface, described in `docs/schemas`. */
export interface ChangeResult {
  readonly action: Change['action']
  readonly user?: User
  readonly value?: boolean
  readonly outcome: ChangeOutcome
  /** True if it changed something. */
  readonly changed: boolean
  /** The outcome as text. */
  readonly message: string
  readonly error?: ErrorJson
}

export interface Changes {
  readonly results: readonly ChangeResult[]
  /** Why it stopped before the last change. */
  readonly error?: Ovpn3Error
}

/**
 * Makes the changes in order, until one fails or the signal is aborted. The session's snapshot must have `owner` and the
 * properties that `propertiesOf` names. `report` is called after each change.
 */
export async function makeChanges(
  selected: Selected,
  changes: readonly Change[],
  report: (result: ChangeResult) => void,
  signal: AbortSignal,
): Promise<Changes> {
  const {session} = selected
  const results: ChangeResult[] = []
  for (const [index, change] of changes.entries()) {
    try {
      proceed(signal)
      const differed = await withGrace(make(session, change), signal)
      const made = result(session, change, differed ? 'done' : 'unchanged')
      results.push(made)
      report(made)
    } catch (error) {
      if (!isOvpn3Error(error)) throw error
      const skipped = changes.slice(index + 1)
      const failed = await failure(selected, change, skipped, error)
      results.push(
        {...result(session, change, 'failed'), error: errorJson(error), message: failed.message},
        ...skipped.map((each) => result(session, each, 'skipped')),
      )
      return {error: withPartialFailure(results, failed), results}
    }
  }

  return {results}
}

/**
 * The outcomes that the changes would have. The session's snapshot must have every property that they change.
 * @throws Ovpn3Error if they would fail
 */
export async function planChanges(
  selected: Selected,
  changes: readonly Change[],
  report: (result: ChangeResult) => void,
): Promise<Changes> {
  const {owner, ownership, session} = selected
  const {errors} = session.snapshot
  // the service would deny it, but --dry-run does not ask the service
  const mayNot = ownership === 'granted' || ownership === 'public'
  if (changes.length > 0 && mayNot) throw aboutSession(session, await denied(selected), owner)
  const unread = changes.flatMap(({action}) => propertiesOf(action, true).flatMap((name) => errors[name] ?? []))[0]
  if (unread) throw aboutSession(session, unread, owner)
  const results = changes.map((change) => result(session, change, differs(session, change) ? 'planned' : 'unchanged'))
  for (const each of results) report(each)
  return {results}
}

/** The properties that a change depends on, besides the owner. */
export function propertiesOf(action: Change['action'], dryRun: boolean): readonly PropertyName[] {
  if (action !== 'grant' && action !== 'revoke') return [switches[action].property]
  return [...(dryRun ? (['acl'] as const) : []), ...(action === 'revoke' ? (['public_access'] as const) : [])]
}

/** Whether access was revoked from a user who keeps it because public access is on. */
export function leavesPublic({snapshot}: Session, results: readonly ChangeResult[]): boolean {
  const isPublic = results.find(({action}) => action === 'public-access')?.value ?? snapshot.values.public_access
  return Boolean(isPublic) && results.some(({action, changed}) => action === 'revoke' && changed)
}

/** The error as `some-failed` if an earlier change was made. */
export function withPartialFailure(results: readonly ChangeResult[], error: Ovpn3Error): Ovpn3Error {
  return results.some(({changed}) => changed)
    ? new Ovpn3Error('some-failed', error.message, {cause: error, hint: error.hint})
    : error
}

/** @returns whether it changed something */
async function make(session: Session, change: Change): Promise<boolean> {
  if ('value' in change) {
    await session[switches[change.action].method](change.value)
    return differs(session, change)
  }

  const {action, user} = change
  if (action === 'revoke') return session.revoke(user.uid)
  // the service would add the owner to the list, without effect
  return user.uid !== session.snapshot.values.owner && session.grant(user.uid)
}

/** Whether a change would alter the state in the session's snapshot. */
function differs({snapshot: {values}}: Session, change: Change): boolean {
  if ('value' in change) {
    const {property, whenOn} = switches[change.action]
    return values[property] !== (change.value === whenOn)
  }

  const {action, user} = change
  const hasAccess = values.acl!.includes(user.uid)
  return action === 'revoke' ? hasAccess : user.uid !== values.owner && !hasAccess
}

function result(session: Session, change: Change, outcome: ChangeOutcome): ChangeResult {
  const {already, done, task} = words(change, session.snapshot.values.owner)
  const message = {
    done,
    failed: task,
    planned: `Would ${task}`,
    skipped: `Not attempted: ${task}`,
    unchanged: already,
  }
  return {...change, outcome, changed: outcome === 'done', message: message[outcome]}
}

interface Words {
  readonly already: string
  readonly done: string
  readonly task: string
}

function words(change: Change, owner: number | undefined): Words {
  if ('value' in change) {
    const {off, on, subject} = switches[change.action]
    const state = change.value ? `accessible ${on}` : `only accessible ${off}`
    return {
      already: `${subject} is already ${state}`,
      done: `${subject} is now ${state}`,
      task: `make the ${subject.toLowerCase()} ${change.value ? state : `accessible ${off} only`}`,
    }
  }

  const {action, user} = change
  const name = userText(user)
  if (action === 'grant')
    return {
      already: user.uid === owner ? `${name} owns the session and has access` : `${name} already has access`,
      done: `Granted access to ${name}`,
      task: `grant access to ${name}`,
    }
  return user.uid === owner
    ? {
        already: `${name} owns the session and keeps access`,
        done: `Removed ${name} from the list of users; the owner of the session keeps access`,
        task: `remove ${name} from the list of users; the owner of the session keeps access`,
      }
    : {
        already: `${name} was not granted access`,
        done: `Revoked access from ${name}`,
        task: `revoke access from ${name}`,
      }
}

async function failure(
  selected: Selected,
  change: Change,
  skipped: readonly Change[],
  error: Ovpn3Error,
): Promise<Ovpn3Error> {
  const {label, session} = selected
  const taskOf = (each: Change) => words(each, session.snapshot.values.owner).task
  const {code, hint, message} = error.code === 'access-denied' ? await denied(selected) : error
  const parts = [
    `${label}: could not ${taskOf(change)}: ${message}`,
    ...(isOutage(error) ? ['it may still have taken effect'] : []),
    ...(skipped.length > 0 ? [`not attempted: ${skipped.map((each) => taskOf(each)).join(', ')}`] : []),
  ]
  return new Ovpn3Error(code, parts.join('; '), {cause: error, hint})
}

/** Names the owner if it could be read, as granted users and root can. */
async function denied({session: {snapshot, source}}: Selected): Promise<Ovpn3Error> {
  const {owner: uid} = snapshot.values
  const owner = uid === undefined ? undefined : userText(await userOf(uid, source))
  return new Ovpn3Error('access-denied', `only the owner${owner ? `, ${owner},` : ''} can change access`, {
    hint: `Ask ${owner ?? 'the owner of the session'} to change it`,
  })
}
