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
  labelOf,
  mapLimited,
  nearestRing,
  Ovpn3Error,
  type OwnerNamed,
  type Ownership,
  type PropertyName,
  safeText,
  type Selector,
  type Session,
  type SessionResult,
  shellWord,
  shortId,
  type Sources,
  unchangedResult,
  unlessAborted,
} from '@ovpn3/sessions'

import {selectorOf, selectorText, type SelectorValues} from './selector'
import {stale, summarize, summaryLines} from './summary'
import {confirm, pick} from './terminal'
import {uidsNamed, type User, userOf} from './users'

/** A session that a command is to act on. */
export interface Selected {
  readonly session: Session
  /** Undefined where it could not be read. */
  readonly ownership: Ownership | undefined
  /** Whose session it is, where that is another user and could be read. */
  readonly owner?: User
  /** The owner was named with --owner. */
  readonly ownerNamed: boolean
  /** Its name for people, with the owner where that is another user. */
  readonly label: string
}

/** All sessions that were meant. */
export interface SelectedMany {
  readonly selected: readonly Selected[]
  /** Sessions that are left alone, each with the reason. */
  readonly aside: readonly SessionResult[]
}

/** What selecting takes from a command. */
export interface SelectContext {
  readonly flags: SelectorValues
  /** A person can be asked. */
  readonly interactive: boolean
  readonly signal: AbortSignal
  /** Asks the person a question, however long it takes. */
  ask<T>(question: () => Promise<T>): Promise<T>
  sources(): Promise<Sources>
}

/** How one session is selected. */
export interface SelectOneOptions {
  /** One of these is meant, where none of the flags selects one. */
  readonly among?: Among
  /** What to do next where no session is selected. */
  readonly hint?: string
  /** The question of the picker: `Which session to pause?` */
  readonly question: string
  /** The properties that the command needs. */
  readonly read: readonly PropertyName[]
}

/** Sessions that a command selects in a way of its own. */
export interface Among {
  /** That there is none of them. */
  readonly none: Ovpn3Error
  /** What `has` takes to be read. */
  readonly read: readonly PropertyName[]
  has(session: Session): boolean
}

export interface SelectManyOptions {
  readonly read: readonly PropertyName[]
  /** The sessions are to be changed: whose they are has to be certain, and for several of them somebody has to agree. */
  readonly change?: {
    /** The option that does it, and a verb. */
    readonly action: string
    /** Nobody has to be asked. */
    readonly agreed: boolean
  }
}

/** How many sessions a question names. */
const named = 8

/**
 * The one session that is meant. Several are never guessed at: on a terminal one is picked, else it is an error.
 * @throws Ovpn3Error `usage`, `session-not-found`, `session-ambiguous`
 */
export async function selectOne(context: SelectContext, options: SelectOneOptions): Promise<Selected> {
  const {flags, interactive} = context
  const {among} = options
  const selector = selectorOf(flags)
  const owner = await ownerOf(context)
  if (!selector && !among && !interactive)
    throw new Ovpn3Error('usage', 'no session: select one with --path, --config or --interface', {hint: options.hint})
  const read = withOwner(options.read)
  const claims = await claimsOf(
    await find(context, selector ?? {kind: 'all'}, selector ? read : withOwner(among?.read ?? [])),
  )
  const matching = matchingOf(claims, selector, owner, among)
  if (matching.length === 0) throw await notFound(selector, context, claims, among?.none)
  const isClear = matching.length === 1 && Boolean(selector ?? among)
  const picked = isClear ? matching[0]! : await choose(matching, selector, options.question, context)
  // picking takes time: what was read before is old
  const chosen = isClear && selector ? picked : await lookAgain(picked, read)
  const error = chosen.session.snapshot.errors.owner
  if (chosen.ownership === undefined && selector?.kind !== 'path' && error && !goneError(chosen.session))
    throw aboutSession(chosen.session, error)
  return selectedOf(chosen, owner !== undefined)
}

/**
 * All sessions of the caller, and those that they were granted access to; or those of another user who was named.
 * Before several are changed, somebody has to agree, and whose they are is decided anew then.
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
  // where an owner was named, the others are not meant
  const left = owner ? [] : claims.filter((claim) => !isMeant(claim))
  const aside = await Promise.all(
    left.map(async (claim) => ({...unchangedResult(claim.session), owner: (await toSelected(claim)).owner})),
  )
  const selected = await Promise.all(meant.map((claim) => toSelected(claim)))
  // what was stale is gone by having been looked at: there is nothing to agree to, nor to look at again
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

function matchingOf(
  claims: readonly Claim[],
  selector: Selector | undefined,
  owner: OwnerNamed | undefined,
  among: Among | undefined,
): readonly Claim[] {
  const reached = owner ? ofOwner(claims, owner) : reach(claims, selector)
  return among ? reached.filter(({session}) => among.has(session)) : reached
}

/** Reads a session that is meant, and decides anew whose it is. @throws Ovpn3Error `access-denied` */
async function lookAgain({ownership, session}: Claim, read: readonly PropertyName[]): Promise<Claim> {
  await session.refresh(read)
  const claim = await claimOf(session)
  if (claim.ownership === 'public' && ownership !== 'public')
    throw aboutSession(session, new Ovpn3Error('access-denied', 'access to it was revoked in the meantime'))
  return claim
}

const withOwner = (read: readonly PropertyName[]) => [...new Set<PropertyName>([...read, 'owner'])]

/** The user whom --owner names. @throws Ovpn3Error `usage` where there is no such user */
export async function ownerOf({flags, signal, sources}: SelectContext): Promise<OwnerNamed | undefined> {
  if (flags.owner === undefined) return undefined
  const {all} = await unlessAborted(sources(), signal)
  const uids = await unlessAborted(uidsNamed(flags.owner, 'owner', all), signal)
  return (source) => uids.get(source)
}

/** The option that a path was given with is named in what is wrong with it. @throws Ovpn3Error */
async function find(
  {flags, signal, sources}: SelectContext,
  selector: Selector,
  properties: readonly PropertyName[],
): Promise<readonly Session[]> {
  try {
    return await unlessAborted(
      sources().then((all) => all.find(selector, properties)),
      signal,
    )
  } catch (error) {
    if (!hasCode(error, 'usage') || flags.path === undefined) throw error
    const {hint, message} = error as Ovpn3Error
    throw new Ovpn3Error('usage', `--path: ${message}`, {cause: error, hint})
  }
}

/** What can be selected without naming an owner: anything by its path, nothing that is merely public otherwise. */
function reach(claims: readonly Claim[], selector: Selector | undefined): readonly Claim[] {
  if (selector?.kind === 'path') return claims
  return selector ? nearestRing(claims) : claims.filter(({ownership}) => ownership !== 'public')
}

/** The sessions of a user; where there are none, those that were gone before they could say whose they are. */
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

async function notFound(
  selector: Selector | undefined,
  {flags: {owner}, sources}: SelectContext,
  claims: readonly Claim[],
  none?: Ovpn3Error,
): Promise<Ovpn3Error> {
  failOnOutage(claims.map(({session}) => session))
  // it may be in a source that could not be asked
  const [failure] = (await sources()).failures
  if (failure) return failure.error
  if (none) return none
  const of = owner === undefined ? '' : ` --owner ${safeText(shellWord(owner))}`
  const message = selector
    ? `no session matches ${safeText(selectorText(selector))}${of}`
    : `there are no sessions${owner === undefined ? '' : ` of ${safeText(owner)}`}`
  const open = owner === undefined ? claims.filter(({ownership}) => ownership === 'public') : []
  if (open.length === 0)
    return new Ovpn3Error('session-not-found', message, {
      hint: selector && 'You see your own sessions, those you were granted access to, and public ones',
    })
  const paths = open.slice(0, named).map(({session}) => `--path ${shortId(session.id)}`)
  return new Ovpn3Error('session-not-found', message, {
    hint: `Select a public session of another user by its id: ${paths.join(' or ')}`,
  })
}

/** One of several: the person picks it. @throws Ovpn3Error `session-ambiguous`, `session-stale`, `interrupted` */
async function choose(
  claims: readonly Claim[],
  selector: Selector | undefined,
  question: string,
  {ask, interactive, signal}: SelectContext,
): Promise<Claim> {
  const summaries = await summarize(claims.map(({session}) => session))
  const remaining = claims.filter((_, i) => summaries[i]!.status !== stale)
  if (remaining.length === 0) throw new Ovpn3Error('session-stale', 'they were all stale, and are removed now')
  if (remaining.length === 1 && selector) return remaining[0]!
  const candidates = summaries.filter(({status}) => status !== stale)
  if (interactive) {
    const lines = await summaryLines(candidates)
    return ask(() =>
      pick(
        question,
        remaining.map((value, i) => ({name: lines[i]!, value})),
        signal,
      ),
    )
  }

  throw new Ovpn3Error(
    'session-ambiguous',
    `${selector ? safeText(selectorText(selector)) : 'that'} matches ${count(remaining.length, 'session')}`,
    {candidates, hint: 'Select one of them by its id with --path'},
  )
}

/** True where somebody was asked, and agreed. @throws Ovpn3Error `usage`, `interrupted` */
async function agree(
  sessions: readonly Selected[],
  {action, agreed}: NonNullable<SelectManyOptions['change']>,
  {ask, interactive, signal}: SelectContext,
): Promise<boolean> {
  if (sessions.length < 2 || agreed) return false
  if (!interactive)
    throw new Ovpn3Error('usage', `--${action} --all acts on ${count(sessions.length, 'session')}: say --yes`, {
      hint: 'Or see what it would do with --dry-run',
    })
  // another user's first: those may come as a surprise
  const names = [...sessions]
    .sort((a, b) => Number(Boolean(b.owner)) - Number(Boolean(a.owner)))
    .map(({label}) => label)
  const others = sessions.filter(({owner}) => owner).length
  const what = count(sessions.length, 'session') + (others > 0 ? ` (${others} of other users)` : '')
  const which = names.length > named + 1 ? [...names.slice(0, named), `${names.length - named} more`] : names
  if (!(await ask(() => confirm(`Really ${action} ${what}: ${which.join(', ')}?`, signal))))
    throw new Ovpn3Error('interrupted', 'nothing was done')
  return true
}
