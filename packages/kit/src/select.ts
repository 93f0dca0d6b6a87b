import {
  aboutSession,
  type Claim,
  claimOf,
  claimsOf,
  count,
  failOnOutage,
  goneError,
  hasCode,
  isOwnedBy,
  keyOf,
  labelOf,
  mapLimited,
  nearestRing,
  Ovpn3Error,
  type OwnerNamed,
  type Ownership,
  perHost,
  type PropertyName,
  safeText,
  type Selector,
  type Session,
  type SessionResult,
  shellWord,
  shortId,
  type Sources,
  statusText,
  unchangedResult,
  unlessAborted,
  type User,
} from '@ovpn3/sessions'

import {didYouMean, mayBeDevice} from './flags'
import {closestSelector, isShortId, runningSessions, sessionsText} from './running'
import {type Selection, selectorOf, selectorText, type SelectorValues} from './selector'
import {stale, summarize, summaryTable, uniqueIds} from './summary'
import {confirm, pick} from './terminal'
import {uidsNamed, userOf, userText} from './users'

/** A session that a command acts on. */
export interface Selected {
  readonly session: Session
  /** Undefined if it could not be read. */
  readonly ownership: Ownership | undefined
  /** The owner, if it is another user and could be read. */
  readonly owner?: User
  /** The owner was named with --owner. */
  readonly ownerNamed: boolean
  /** The name of the session in output, with the owner if it is another user. */
  readonly label: string
}

/** All sessions that were selected. */
export interface SelectedMany {
  readonly selected: readonly Selected[]
  /** Results for sessions that are left unchanged, each with the reason. */
  readonly aside: readonly SessionResult[]
}

/** What the selection needs from a command. */
export interface SelectContext {
  /** Limits the sessions that can be picked to those on which the command has an effect. */
  readonly pickable: {
    /** Only the caller's own. */
    readonly own: boolean
    /** No sessions with these statuses (`StatusMinor`). */
    readonly skip: ReadonlySet<number>
  }
  /** The flags and the argument that select sessions. */
  readonly values: SelectorValues
  /** The user can be asked. */
  readonly interactive: boolean
  readonly signal: AbortSignal
  /** Asks the user a question, without a time limit. */
  ask<T>(question: () => Promise<T>): Promise<T>
  sources(): Promise<Sources>
}

/** How one session is selected. */
export interface SelectOneOptions {
  /** The sessions to choose from if neither a flag nor the argument selects one. */
  readonly among?: Among
  /** The hint if no session is selected. */
  readonly hint?: string
  /** The question of the picker: `Which session to pause?` */
  readonly question: string
  /** The properties that the command needs. */
  readonly read: readonly PropertyName[]
}

/** A set of sessions that a command defines. */
export interface Among {
  /** The error if there is no such session. */
  readonly none: Ovpn3Error
  /** The properties that `has` requires. */
  readonly read: readonly PropertyName[]
  has(session: Session): boolean
}

export interface SelectManyOptions {
  readonly read: readonly PropertyName[]
  /** The command changes the sessions: their owners must be known, and several sessions require a confirmation. */
  readonly change?: {
    /** The option that changes them, which is also a verb. */
    readonly action: string
    /** No confirmation is required. */
    readonly agreed: boolean
  }
}

/** How many sessions a question names at most. */
const named = 8

/**
 * Selects one session. If several match, the user picks one on a terminal; without a terminal it is an error.
 * @throws Ovpn3Error `usage`, `session-not-found`, `session-ambiguous`
 */
export async function selectOne(context: SelectContext, options: SelectOneOptions): Promise<Selected> {
  const {interactive, values} = context
  const {among} = options
  const selector = selectorOf(values)
  const owner = await ownerOf(context)
  if (!selector && !among && !interactive) throw await notSelected(context, options.hint, owner)
  const read = withOwner(options.read)
  const claims = await claimsOf(
    await find(context, selector ?? {kind: 'all'}, selector ? read : withOwner(among?.read ?? ['status'])),
  )
  failIfIncomplete(await context.sources())
  const reached = matchingOf(claims, selector, owner, among)
  if (reached.length === 0) throw await notFound(selector, context, claims, among?.none)
  const matching = selector || among ? reached : pickableOf(reached, context)
  const isClear = matching.length === 1 && Boolean(selector ?? among)
  const picked = isClear ? matching[0]! : await choose(matching, selector, options.question, context)
  // picking takes time, so the properties may have changed
  const chosen = isClear && selector ? picked : await lookAgain(picked, read)
  if (selector?.kind !== 'path') checkOwner(chosen)
  return selectedOf(chosen, owner !== undefined)
}

/**
 * Selects all sessions of the caller and those that the caller was granted access to, or those of the user that --owner
 * names. A change to several requires a confirmation; afterwards their owners are read again.
 * @throws Ovpn3Error `usage`, `interrupted`
 */
export async function selectMany(context: SelectContext, options: SelectManyOptions): Promise<SelectedMany> {
  const owner = await ownerOf(context)
  const read = withOwner(options.read)
  const sessions = await find(context, {kind: 'all'}, read)
  const claims = await claimsOf(sessions)
  if (owner) failOnOutage(sessions)
  const isMeant = (claim: Claim) =>
    goneError(claim.session) !== undefined || (owner ? isOwnedBy(claim.session, owner) : isOurs(claim, options))
  const toSelected = (claim: Claim) => selectedOf(claim, owner !== undefined)
  const meant = claims.filter((claim) => isMeant(claim))
  if (meant.length === 0) checkReadable(claims, owner, context)
  // with --owner, sessions of other users are not selected
  const left = owner ? [] : claims.filter((claim) => !isMeant(claim))
  const aside = await Promise.all(
    left.map(async (claim) => ({...unchangedResult(claim.session), owner: (await toSelected(claim)).owner})),
  )
  const selected = await Promise.all(meant.map((claim) => toSelected(claim)))
  // reading a stale session has removed it, so it needs neither confirmation nor another read
  const there = selected.filter(({session}) => !goneError(session))
  if (!options.change || !(await agree(there, options.change, context))) return {aside, selected}
  await Promise.all(mapLimited(there, ({session}) => session.refresh(read)))
  const again = await claimsOf(selected.map(({session}) => session))
  const still = again.filter((claim) => isMeant(claim))
  const revoked = selected.filter((_, i) => !isMeant(again[i]!))
  return {
    aside: [...aside, ...revoked.map(({owner, session}) => ({...unchangedResult(session, {revoked: true}), owner}))],
    selected: await Promise.all(still.map((claim) => toSelected(claim))),
  }
}

/**
 * Fails if a host could not be reached, because it may have another match.
 * @throws Ovpn3Error the error of the host
 */
export function failIfIncomplete({all, failures}: Sources): void {
  const failure = failures.find(({source}) => all.some(({host}) => host === source))
  if (failure)
    throw new Ovpn3Error(failure.error.code, `${failure.source}: ${failure.error.message}`, {
      cause: failure.error,
      hint: 'Omit the host to select among the others',
    })
}

function matchingOf(
  claims: readonly Claim[],
  selector: Selection | undefined,
  owner: OwnerNamed | undefined,
  among: Among | undefined,
): readonly Claim[] {
  const reached = owner ? ofOwner(claims, owner) : reach(claims, selector)
  return among ? reached.filter(({session}) => among.has(session)) : reached
}

/** The sessions on which the command has an effect. @throws Ovpn3Error `session-not-found` if there is none */
function pickableOf(claims: readonly Claim[], {pickable: {own, skip}}: SelectContext): readonly Claim[] {
  const left = claims.filter(({ownership, session: {snapshot}}) => {
    const {status} = snapshot.values
    return !(own && ownership !== undefined && ownership !== 'own') && !(status && skip.has(status.minor))
  })
  if (left.length > 0) return left
  const reasons = new Map<string, number>()
  for (const {ownership, session} of claims) {
    const {status} = session.snapshot.values
    const isOther = own && ownership !== undefined && ownership !== 'own'
    const reason = isOther || !status ? 'of other users' : statusText(status)
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }

  throw new Ovpn3Error(
    'session-not-found',
    `no session can be selected: ${[...reasons].map(([reason, n]) => `${n} ${reason}`).join(', ')}`,
    {hint: 'Run `ovpn3 list`'},
  )
}

/** @throws Ovpn3Error the reason why the owner could not be read */
function checkOwner({ownership, session}: Claim): void {
  const error = session.snapshot.errors.owner
  if (ownership === undefined && error && !goneError(session)) throw aboutSession(session, error)
}

/** Reads a selected session again, and determines its ownership again. @throws Ovpn3Error `access-denied` */
async function lookAgain({ownership, session}: Claim, read: readonly PropertyName[]): Promise<Claim> {
  await session.refresh(read)
  const claim = await claimOf(session)
  if (claim.ownership === 'public' && ownership !== 'public')
    throw aboutSession(session, new Ovpn3Error('access-denied', 'access has been revoked'))
  return claim
}

const withOwner = (read: readonly PropertyName[]) => [...new Set<PropertyName>([...read, 'owner'])]

/** The user that --owner names. @throws Ovpn3Error `usage` if there is no such user */
export async function ownerOf({signal, sources, values: {owner}}: SelectContext): Promise<OwnerNamed | undefined> {
  if (owner === undefined) return undefined
  const all = await unlessAborted(sources(), signal)
  const named = uidsNamed(owner, 'owner', all.all, (source, error) => all.markFailed(source, error))
  const uids = await unlessAborted(named, signal)
  return (source) => uids.get(source)
}

/** The sessions that match a selection. An error of --path names the option. @throws Ovpn3Error */
async function find(
  {signal, sources, values}: SelectContext,
  selector: Selection,
  properties: readonly PropertyName[],
): Promise<readonly Session[]> {
  try {
    return await unlessAborted(
      sources().then((all) =>
        selector.kind === 'word' ? findWord(all, selector.word, properties) : all.find(selector, properties),
      ),
      signal,
    )
  } catch (error) {
    if (!hasCode(error, 'usage') || values.path === undefined) throw error
    const {hint, message} = error as Ovpn3Error
    throw new Ovpn3Error('usage', `--path: ${message}`, {cause: error, hint})
  }
}

/**
 * The sessions that a word selects by profile name, by device or by the beginning of an ID. A lookup by device reads all
 * sessions, so it is omitted if another lookup found some and the word is not the usual name of a device.
 */
async function findWord(
  sources: Sources,
  word: string,
  properties: readonly PropertyName[],
): Promise<readonly Session[]> {
  const ask = async (selector: Selector): Promise<readonly Session[]> => {
    try {
      return await sources.find(selector, properties)
    } catch (error) {
      // the word is not valid as this kind of selector
      if (hasCode(error, 'usage')) return []
      throw error
    }
  }

  const found = (await Promise.all([ask({kind: 'config', name: word}), ask({kind: 'path', path: word})])).flat()
  const devices = found.length === 0 || mayBeDevice(word) ? await ask({device: word, kind: 'interface'}) : []
  return [...new Map([...found, ...devices].map((session) => [keyOf(session), session])).values()]
}

/** The sessions that can be selected without --owner. Sessions that are only public need a path or an ID. */
function reach(claims: readonly Claim[], selector: Selection | undefined): readonly Claim[] {
  switch (selector?.kind) {
    case 'path':
      return claims
    case 'word': {
      const reached = nearestOnEach(claims)
      // the beginning of an ID may be meant as a name, which never selects another user's public session
      const isWhole = ({session}: Claim) => session.id === selector.word || session.path === selector.word
      return reached.length > 0 ? reached : claims.filter((claim) => isWhole(claim))
    }

    case undefined:
      return claims.filter(({ownership}) => ownership !== 'public')
    default:
      return nearestOnEach(claims)
  }
}

/** A name that matches sessions on several hosts is ambiguous, even if their owners differ. */
function nearestOnEach(claims: readonly Claim[]): readonly Claim[] {
  return perHost(claims, ({session}) => session.source.host, nearestRing)
}

/** The sessions of a user; if there are none, those that ended before their owner was read. */
function ofOwner(claims: readonly Claim[], owner: OwnerNamed): readonly Claim[] {
  const those = claims.filter(({session}) => isOwnedBy(session, owner))
  return those.length > 0 ? those : claims.filter(({session}) => goneError(session))
}

const isOurs = ({ownership}: Claim, {change}: SelectManyOptions) =>
  ownership === 'own' || ownership === 'granted' || (ownership === undefined && !change)

async function selectedOf({ownership, session}: Claim, ownerNamed: boolean): Promise<Selected> {
  const uid = session.snapshot.values.owner
  const owner = ownership === 'own' || uid === undefined ? undefined : await userOf(uid, session.source)
  return {label: labelOf(session, owner), owner, ownerNamed, ownership, session}
}

/** The error for a missing selector, with the sessions that can be selected. */
async function notSelected(
  {signal, sources}: SelectContext,
  hint = 'Pass SESSION: a profile name, a device, an ID or a path',
  owner?: OwnerNamed,
): Promise<Ovpn3Error> {
  const running = await runningSessions(sources, signal, owner)
  return new Ovpn3Error('usage', 'no session selected', {hint: joinHints([hint, sessionsText(running)])})
}

/** Hints, each on its own line. */
function joinHints(hints: readonly (string | undefined)[]): string | undefined {
  return hints.filter((hint) => hint !== undefined).join('\n') || undefined
}

/** @throws Ovpn3Error `access-denied` if sessions may belong to the named user, but the caller cannot read their owner */
function checkReadable(claims: readonly Claim[], owner: OwnerNamed | undefined, {values}: SelectContext): void {
  if (!owner || values.owner === undefined) return
  const unreadable = claims.filter(
    ({session: {snapshot, source}}) =>
      hasCode(snapshot.errors.owner, 'access-denied') && owner(source) !== undefined && owner(source) !== source.me,
  ).length
  if (unreadable === 0) return
  const name = safeText(values.owner)
  throw new Ovpn3Error(
    'access-denied',
    `no readable sessions of ${name}: ${count(unreadable, 'session')} of other users ${unreadable === 1 ? 'is' : 'are'} not readable by you`,
    {hint: `Ask ${name} to grant you access, or run the command as root`},
  )
}

async function notFound(
  selector: Selection | undefined,
  context: SelectContext,
  claims: readonly Claim[],
  none?: Ovpn3Error,
): Promise<Ovpn3Error> {
  const {owner} = context.values
  const sources = await context.sources()
  failOnOutage(claims.map(({session}) => session))
  // a source that failed may have it
  const [failure] = sources.failures
  if (failure) return failure.error
  if (none) return none
  if (!selector) checkReadable(claims, await ownerOf(context), context)
  if (!selector)
    return new Ovpn3Error('session-not-found', `no sessions${owner === undefined ? '' : ` of ${safeText(owner)}`}`)
  const of = owner === undefined ? '' : ` --owner ${safeText(shellWord(owner))}`
  const running = await runningSessions(context.sources, context.signal, await ownerOf(context))
  const close = closestSelector(selector, running ?? [])
  const open = owner === undefined ? claims.filter(({ownership}) => ownership === 'public') : []
  const [first] = open
  if (first && selector.kind === 'word' && first.session.id.startsWith(selector.word)) {
    const id = shortId(first.session.id)
    const {owner: user} = await selectedOf(first, false)
    return new Ovpn3Error(
      'session-not-found',
      `${id} is a public session of ${user ? userText(user) : 'another user'}`,
      {
        hint: `Select it with --path ${id}`,
      },
    )
  }

  const paths = open.slice(0, named).map(({session}) => `--path ${shortId(session.id)}`)
  const hints = [
    close === undefined ? undefined : didYouMean([close]),
    paths.length > 0
      ? `Select a public session of another user by ID: ${paths.join(' or ')}`
      : sessionsText(running, isShortId(selector)),
  ]
  return new Ovpn3Error('session-not-found', `no session matches ${safeText(selectorText(context.values))}${of}`, {
    hint: joinHints(hints),
  })
}

/** One of several sessions, which the user picks. @throws Ovpn3Error `session-ambiguous`, `session-stale`, `interrupted` */
async function choose(
  claims: readonly Claim[],
  selector: Selection | undefined,
  question: string,
  {ask, interactive, signal, values}: SelectContext,
): Promise<Claim> {
  const summaries = await summarize(claims.map(({session}) => session))
  const remaining = claims.filter((_, i) => summaries[i]!.status !== stale)
  if (remaining.length === 0) throw new Ovpn3Error('session-stale', 'every match was stale and has been removed')
  if (remaining.length === 1 && selector) return remaining[0]!
  const candidates = summaries.filter(({status}) => status !== stale)
  if (interactive) {
    // the picker marks one of the rows
    const [header = '', ...lines] = summaryTable(candidates, process.stderr.columns - 2)
    const rows = {choices: remaining.map((value, i) => ({name: lines[i]!, value})), header}
    return ask(() => pick(question, rows, signal))
  }

  const ids = remaining.map(({session}) => session.id)
  throw new Ovpn3Error(
    'session-ambiguous',
    `${selector ? safeText(selectorText(values)) : 'the selection'} matches ${count(remaining.length, 'session')}`,
    {
      candidates,
      hint:
        new Set(ids).size === 1
          ? 'These hosts are the same machine: pass one of them only'
          : `Select one by ID: --path ${uniqueIds(ids)[0]}`,
    },
  )
}

/**
 * Asks for a confirmation if one is required.
 * @returns true if the user was asked and agreed
 * @throws Ovpn3Error `usage`, `interrupted`
 */
async function agree(
  sessions: readonly Selected[],
  {action, agreed}: NonNullable<SelectManyOptions['change']>,
  {ask, interactive, signal}: SelectContext,
): Promise<boolean> {
  if (sessions.length < 2 || agreed) return false
  if (!interactive)
    throw new Ovpn3Error('usage', `--all selects ${count(sessions.length, 'session')}: pass --yes to confirm`, {
      hint: 'Pass --dry-run to see what it would do',
    })
  // those of other users first, because they may be unexpected
  const names = [...sessions]
    .sort((a, b) => Number(Boolean(b.owner)) - Number(Boolean(a.owner)))
    .map(({label}) => label)
  const others = sessions.filter(({owner}) => owner).length
  const what = count(sessions.length, 'session') + (others > 0 ? ` (${others} of other users)` : '')
  const which = names.length > named + 1 ? [...names.slice(0, named), `${names.length - named} more`] : names
  if (
    !(await ask(() => confirm(`${action[0]!.toUpperCase()}${action.slice(1)} ${what}: ${which.join(', ')}?`, signal)))
  )
    throw new Ovpn3Error('interrupted', 'cancelled: nothing was changed')
  return true
}
