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

/** Something that is allowed, or not. */
export interface Switch {
  readonly action: 'allow-log-access' | 'public-access'
  readonly value: boolean
}

/** How a switch is set, the value that its property has while it is on, and what people are told of it. */
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

/** One change of a session's access list. */
export type Change = Switch | {readonly action: 'grant' | 'revoke'; readonly user: User}

/**
 * What became of a change:
 * - `done`: as asked for
 * - `unchanged`: it was so already
 * - `planned`: would be done, but for `--dry-run`
 * - `failed`: see `error`
 * - `skipped`: not tried, because the one before failed, or was interrupted
 */
export type ChangeOutcome = 'done' | 'failed' | 'planned' | 'skipped' | 'unchanged'

/** An interface: `docs/schemas` describes it. */
export interface ChangeResult {
  readonly action: Change['action']
  readonly user?: User
  readonly value?: boolean
  readonly outcome: ChangeOutcome
  /** True where it made a difference. */
  readonly changed: boolean
  /** The same for people. */
  readonly message: string
  readonly error?: ErrorJson
}

export interface Changes {
  readonly results: readonly ChangeResult[]
  /** Why it ended before the last. */
  readonly error?: Ovpn3Error
}

/**
 * Makes the changes, in their order, up to the first that fails, or until it is interrupted. The session's snapshot
 * must have `owner`, and what `propertiesOf` says.
 * `report` is told of each as soon as it is made.
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
 * What the changes would come to. The session's snapshot must have all that they change.
 * @throws Ovpn3Error where it can be told that they would fail
 */
export async function planChanges(
  selected: Selected,
  changes: readonly Change[],
  report: (result: ChangeResult) => void,
): Promise<Changes> {
  const {owner, ownership, session} = selected
  const {errors} = session.snapshot
  // the service would refuse it, but it is not asked
  const mayNot = ownership === 'granted' || ownership === 'public'
  if (changes.length > 0 && mayNot) throw aboutSession(session, await denied(selected), owner)
  const unread = changes.flatMap(({action}) => propertiesOf(action, true).flatMap((name) => errors[name] ?? []))[0]
  if (unread) throw aboutSession(session, unread, owner)
  const results = changes.map((change) => result(session, change, differs(session, change) ? 'planned' : 'unchanged'))
  for (const each of results) report(each)
  return {results}
}

/** The properties, besides the owner, that a change has to know. */
export function propertiesOf(action: Change['action'], dryRun: boolean): readonly PropertyName[] {
  if (action !== 'grant' && action !== 'revoke') return [switches[action].property]
  return [...(dryRun ? (['acl'] as const) : []), ...(action === 'revoke' ? (['public_access'] as const) : [])]
}

/** Whether access was revoked from somebody who has it all the same, like everybody. */
export function leavesPublic({snapshot}: Session, results: readonly ChangeResult[]): boolean {
  const isPublic = results.find(({action}) => action === 'public-access')?.value ?? snapshot.values.public_access
  return Boolean(isPublic) && results.some(({action, changed}) => action === 'revoke' && changed)
}

/** An error that counts as `some-failed` where something has been changed before it. */
export function withPartialFailure(results: readonly ChangeResult[], error: Ovpn3Error): Ovpn3Error {
  return results.some(({changed}) => changed)
    ? new Ovpn3Error('some-failed', error.message, {cause: error, hint: error.hint})
    : error
}

/** True where it made a difference. */
async function make(session: Session, change: Change): Promise<boolean> {
  if ('value' in change) {
    await session[switches[change.action].method](change.value)
    return differs(session, change)
  }

  const {action, user} = change
  if (action === 'revoke') return session.revoke(user.uid)
  // the service would put the owner on the list, which gives them nothing
  return user.uid !== session.snapshot.values.owner && session.grant(user.uid)
}

/** Whether the session's snapshot is not yet as the change would make it. */
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
  const {already, done, wish} = words(change, session.snapshot.values.owner)
  const message = {done, failed: wish, planned: `Would ${wish}`, skipped: `Not tried: ${wish}`, unchanged: already}
  return {...change, outcome, changed: outcome === 'done', message: message[outcome]}
}

interface Words {
  readonly already: string
  readonly done: string
  readonly wish: string
}

function words(change: Change, owner: number | undefined): Words {
  if ('value' in change) {
    const {off, on, subject} = switches[change.action]
    const state = change.value ? `accessible ${on}` : `only accessible ${off}`
    return {
      already: `${subject} is ${state} already`,
      done: `${subject} is now ${state}`,
      wish: `make the ${subject.toLowerCase()} ${change.value ? state : `accessible ${off} only`}`,
    }
  }

  const {action, user} = change
  const name = userText(user)
  if (action === 'grant')
    return {
      already: user.uid === owner ? `${name} owns the session and has access` : `${name} has access already`,
      done: `Granted access to ${classicUserText(user)}`,
      wish: `grant access to ${name}`,
    }
  return user.uid === owner
    ? {
        already: `${name} owns the session and keeps access`,
        done: `Took ${name} off the list of users; as the owner of the session they keep access`,
        wish: `take ${name}, who owns the session and keeps access, off the list of users`,
      }
    : {
        already: `${name} was not granted access`,
        done: `Revoked access from ${classicUserText(user)}`,
        wish: `revoke access from ${name}`,
      }
}

/** A user as the reference tool names one that it has granted access: `bob (uid 6002)`, `(6002) (uid 6002)`. */
function classicUserText(user: User): string {
  return user.name === null ? `(${user.uid}) (uid ${user.uid})` : userText(user)
}

async function failure(
  selected: Selected,
  change: Change,
  skipped: readonly Change[],
  error: Ovpn3Error,
): Promise<Ovpn3Error> {
  const {label, session} = selected
  const wish = (each: Change) => words(each, session.snapshot.values.owner).wish
  const {code, hint, message} = error.code === 'access-denied' ? await denied(selected) : error
  const parts = [
    `${label}: could not ${wish(change)}: ${message}`,
    // it may have been done all the same
    ...(isOutage(error) ? ['whether it was done is not known'] : []),
    ...(skipped.length > 0 ? [`not tried: ${skipped.map((each) => wish(each)).join(', ')}`] : []),
  ]
  return new Ovpn3Error(code, parts.join('; '), {cause: error, hint})
}

/** Granted users and root may look, and so the owner can mostly be named. */
async function denied({session: {snapshot, source}}: Selected): Promise<Ovpn3Error> {
  const {owner: uid} = snapshot.values
  const owner = uid === undefined ? undefined : userText(await userOf(uid, source))
  return new Ovpn3Error('access-denied', `only the owner${owner ? `, ${owner},` : ''} may change who has access`, {
    hint: `Ask ${owner ?? 'the owner of the session'} to do it`,
  })
}
