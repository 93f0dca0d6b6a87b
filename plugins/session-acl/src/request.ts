import type {Interfaces} from '@oclif/core'

import {uidNamed, userOf, userText} from '@ovpn3/kit'
import {booleanOf} from '@ovpn3/kit/flags'
import {Ovpn3Error, type SessionSource} from '@ovpn3/sessions'

import type {Change, Switch} from './change'
import type SessionAcl from './commands/session-acl'

/** A change as it is asked for: whose access it is about is known by name only. */
export type Request = Switch | {readonly action: 'grant' | 'revoke'; readonly name: string}

/**
 * The requested changes, in the order in which they are made; none where the access list is only shown.
 * @throws Ovpn3Error `usage`
 */
export function requestsOf(flags: Interfaces.InferredFlags<typeof SessionAcl.flags>): Request[] {
  return [
    ...(['grant', 'revoke'] as const).flatMap((action) => (flags[action] ?? []).map((name) => ({action, name}))),
    ...(['public-access', 'allow-log-access'] as const).flatMap((action) => {
      const text = flags[action]
      return text === undefined ? [] : [{action, value: booleanOf(text, action)}]
    }),
  ]
}

/**
 * The changes themselves, for whichever source the session turns out to be of: its users are meant. They are looked up
 * before any source is asked for sessions.
 * @throws Ovpn3Error `usage` where no source has such users
 */
export async function changesIn(
  requests: readonly Request[],
  sources: readonly SessionSource[],
): Promise<(source: SessionSource) => Change[]> {
  const looked = await Promise.allSettled(sources.map((source) => changesOf(requests, source)))
  const errors = looked.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  if (errors.length > 0 && errors.length === looked.length) throw errors[0]
  return (source) => {
    const changes = looked[sources.indexOf(source)]!
    if (changes.status === 'rejected') throw changes.reason
    return changes.value
  }
}

/** Each user once, however often and in whichever way they are named. @throws Ovpn3Error `usage` */
async function changesOf(requests: readonly Request[], source: SessionSource): Promise<Change[]> {
  const all = await Promise.all(
    requests.map(async (request): Promise<Change> => {
      if ('value' in request) return request
      const {action, name} = request
      return {action, user: await userOf(await uidNamed(name, action, source), source)}
    }),
  )
  const changes: Change[] = []
  for (const change of all) {
    const same = 'user' in change && changes.find((each) => 'user' in each && each.user.uid === change.user.uid)
    if (!same) changes.push(change)
    else if (same.action !== change.action)
      throw new Ovpn3Error('usage', `${userText(change.user)} is both granted and revoked access`, {
        hint: 'Give each user once, with --grant or with --revoke',
      })
  }

  return changes
}
