import {
  aboutSession,
  type Claim,
  claimOf,
  claimsOf,
  count,
  failOnOutage,
  goneError,
  labelOf,
  leaveAlone,
  nearestRing,
  Ovpn3Error,
  type Ownership,
  paced,
  type PropertyName,
  safeText,
  type Selector,
  type Session,
  type SessionResult,
  shellWord,
  shortId,
} from '@ovpn3/sessions'

import type {FoundSessions, ResolverRequest} from './hook'

import {selectorOf, selectorText, type SelectorValues} from './selector'
import {stale, summarize, summaryLines} from './summary'
import {confirm, pick} from './terminal'
import {uidNamed, type User, userOf} from './users'

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

/** The one session that was meant. */
export interface SelectedOne extends Selected {
  readonly resolved: FoundSessions
}

/** All sessions that were meant. */
export interface SelectedMany {
  readonly resolved: FoundSessions
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
  resolve(request: Pick<ResolverRequest, 'read' | 'selector'>): Promise<FoundSessions>
}

export interface SelectOneOptions {
  /** What to do next where no session is selected. */
  readonly hint?: string
  /** The question of the picker: `Which session to pause?` */
  readonly question: string
  /** The properties that the command needs. */
  readonly read: readonly PropertyName[]
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
export async function selectOne(context: SelectContext, options: SelectOneOptions): Promise<SelectedOne> {
  const {flags, interactive} = context
  const selector = selectorOf(flags)
  const owner = await ownerOf(flags)
  if (!selector && !interactive)
    throw new Ovpn3Error('usage', 'no session: select one with --path, --config or --interface', {hint: options.hint})
  const read = withOwner(options.read)
  const resolved = await context.resolve({read: selector ? read : ['owner'], selector: selector ?? {kind: 'all'}})
  const claims = await claimsOf(resolved.sessions, resolved.meOf)
  const matching = owner === undefined ? reach(claims, selector) : ofOwner(claims, owner)
  if (matching.length === 0) throw notFound(selector, flags, claims)
  let [chosen] = matching as [Claim]
  if (matching.length > 1 || !selector) {
    const {ownership, session} = await choose(matching, selector, options.question, context)
    // picking takes time: what was read before is old
    await session.refresh(read)
    chosen = await claimOf(session, resolved.meOf(session))
    if (chosen.ownership === 'public' && ownership !== 'public')
      throw aboutSession(session, new Ovpn3Error('access-denied', 'access to it was revoked in the meantime'))
  }

  const error = chosen.session.snapshot.errors.owner
  if (chosen.ownership === undefined && selector?.kind !== 'path' && error && !goneError(chosen.session))
    throw aboutSession(chosen.session, error)
  return {...(await selectedOf(chosen, owner !== undefined)), resolved}
}

/**
 * All sessions of the caller, and those that they were granted access to; or those of another user who was named.
 * Before several are changed, somebody has to agree, and whose they are is decided anew then.
 * @throws Ovpn3Error `usage`, `interrupted`
 */
export async function selectMany(context: SelectContext, options: SelectManyOptions): Promise<SelectedMany> {
  const owner = await ownerOf(context.flags)
  const read = withOwner(options.read)
  const resolved = await context.resolve({read, selector: {kind: 'all'}})
  const claims = await claimsOf(resolved.sessions, resolved.meOf)
  if (owner !== undefined) failOnOutage(resolved.sessions)
  const isMeant = (claim: Claim) =>
    goneError(claim.session) !== undefined || (owner === undefined ? isOurs(claim, options) : isOf(claim, owner))
  const toSelected = (claim: Claim) => selectedOf(claim, owner !== undefined)
  const meant = claims.filter((claim) => isMeant(claim))
  // where an owner was named, the others are not meant
  const left = owner === undefined ? claims.filter((claim) => !isMeant(claim)) : []
  const aside = await Promise.all(
    left.map(async (claim) => ({...leaveAlone(claim.session), owner: (await toSelected(claim)).owner})),
  )
  const selected = await Promise.all(meant.map((claim) => toSelected(claim)))
  // what was stale is gone by having been looked at: there is nothing to agree to, nor to look at again
  const there = selected.filter(({session}) => !goneError(session))
  if (!options.change || !(await agree(there, options.change, context))) return {aside, resolved, selected}
  await Promise.all(paced(there, ({session}) => session.refresh(read)))
  const again = await claimsOf(
    selected.map(({session}) => session),
    resolved.meOf,
  )
  const still = again.filter((claim) => isMeant(claim))
  const revoked = selected.filter((_, i) => !isMeant(again[i]!))
  return {
    aside: [...aside, ...revoked.map(({owner, session}) => ({...leaveAlone(session, {revoked: true}), owner}))],
    resolved,
    selected: await Promise.all(still.map((claim) => toSelected(claim))),
  }
}

const withOwner = (read: readonly PropertyName[]) => [...new Set<PropertyName>([...read, 'owner'])]

async function ownerOf({owner}: SelectorValues): Promise<number | undefined> {
  return owner === undefined ? undefined : uidNamed(owner, 'owner')
}

/** What can be selected without naming an owner: anything by its path, nothing that is merely public otherwise. */
function reach(claims: readonly Claim[], selector: Selector | undefined): readonly Claim[] {
  if (selector?.kind === 'path') return claims
  return selector ? nearestRing(claims) : claims.filter(({ownership}) => ownership !== 'public')
}

const isOf = ({session}: Claim, owner: number) => session.snapshot.values.owner === owner

/** The sessions of a user; where there are none, those that were gone before they could say whose they are. */
function ofOwner(claims: readonly Claim[], owner: number): readonly Claim[] {
  const those = claims.filter((claim) => isOf(claim, owner))
  return those.length > 0 ? those : claims.filter(({session}) => goneError(session))
}

const isOurs = ({ownership}: Claim, {change}: SelectManyOptions) =>
  ownership === 'own' || ownership === 'granted' || (ownership === undefined && !change)

async function selectedOf({ownership, session}: Claim, ownerNamed: boolean): Promise<Selected> {
  const uid = session.snapshot.values.owner
  const owner = ownership === 'own' || uid === undefined ? undefined : await userOf(uid)
  return {label: labelOf(session, owner), owner, ownerNamed, ownership, session}
}

function notFound(selector: Selector | undefined, {owner}: SelectorValues, claims: readonly Claim[]): Ovpn3Error {
  failOnOutage(claims.map(({session}) => session))
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
  const present = claims.filter((_, i) => summaries[i]!.status !== stale)
  if (present.length === 0) throw new Ovpn3Error('session-stale', 'they were all stale, and are removed now')
  if (present.length === 1 && selector) return present[0]!
  const candidates = summaries.filter(({status}) => status !== stale)
  if (interactive) {
    const lines = await summaryLines(candidates)
    return ask(() =>
      pick(
        question,
        present.map((value, i) => ({name: lines[i]!, value})),
        signal,
      ),
    )
  }

  throw new Ovpn3Error(
    'session-ambiguous',
    `${selector ? safeText(selectorText(selector)) : 'that'} matches ${count(present.length, 'session')}`,
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
