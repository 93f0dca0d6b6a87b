import {uidNamed, type User, userOf, userText} from '@ovpn3/kit'
import {Ovpn3Error, type SessionSource} from '@ovpn3/sessions'

import type {Change} from './change'

/** The flags of session-acl that say what to do. */
export interface RequestFlags {
  readonly 'allow-log-access'?: string
  readonly grant?: readonly string[]
  readonly 'public-access'?: string
  readonly revoke?: readonly string[]
  readonly show?: boolean
}

const yes = new Set(['1', 'on', 'true', 'yes'])
const no = new Set(['0', 'false', 'no', 'off'])

/** What is asked for; whose access it is about is known by name only. */
export interface Request {
  readonly grant: readonly string[]
  readonly revoke: readonly string[]
  readonly switches: readonly Extract<Change, {value: boolean}>[]
}

/** @throws Ovpn3Error `usage` */
export function requestOf(flags: RequestFlags): Request {
  const {grant = [], revoke = [], show} = flags
  const switches = (['public-access', 'allow-log-access'] as const).flatMap((action) => {
    const text = flags[action]
    return text === undefined ? [] : [{action, value: booleanOf(text, action)}]
  })
  if (!show && grant.length + revoke.length + switches.length === 0)
    throw new Ovpn3Error(
      'usage',
      'nothing to do: give --show, --grant, --revoke, --public-access or --allow-log-access',
      {hint: 'See ovpn3 session-acl --help'},
    )
  return {grant, revoke, switches}
}

/** What the changes that are asked for do, in the order in which they are made. */
export function actionsOf({grant, revoke, switches}: Request): Change['action'][] {
  return [
    ...grant.map(() => 'grant' as const),
    ...revoke.map(() => 'revoke' as const),
    ...switches.map(({action}) => action),
  ]
}

/**
 * The changes themselves; none where the access list is only shown.
 * @param source of the session: its users are meant
 * @throws Ovpn3Error `usage`
 */
export async function changesOf({grant, revoke, switches}: Request, source: SessionSource): Promise<Change[]> {
  const [granted, revoked] = await Promise.all([usersOf(grant, 'grant', source), usersOf(revoke, 'revoke', source)])
  const both = granted.find(({uid}) => revoked.some((user) => user.uid === uid))
  if (both)
    throw new Ovpn3Error('usage', `${userText(both)} is both granted and revoked access`, {
      hint: 'Give each user once, with --grant or with --revoke',
    })
  return [
    ...granted.map((user) => ({action: 'grant' as const, user})),
    ...revoked.map((user) => ({action: 'revoke' as const, user})),
    ...switches,
  ]
}

function booleanOf(text: string, flag: string): boolean {
  const word = text.toLowerCase()
  if (!yes.has(word) && !no.has(word))
    throw new Ovpn3Error('usage', `--${flag}: "${text}" is neither true nor false`, {
      hint: 'Give true or false; yes, no, on, off, 1 and 0 are understood too',
    })
  return yes.has(word)
}

/** Each user once, however often and in whichever way they are named. */
async function usersOf(names: readonly string[], flag: 'grant' | 'revoke', source: SessionSource): Promise<User[]> {
  const uids = await Promise.all(names.map((name) => uidNamed(name, flag, source)))
  return Promise.all([...new Set(uids)].map((uid) => userOf(uid, source)))
}
