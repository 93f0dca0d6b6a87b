import type {Interfaces} from '@oclif/core'

import {uidNamed, userOf, userText} from '@ovpn3/kit'
import {booleanOf} from '@ovpn3/kit/flags'
import {Ovpn3Error, type SessionSource} from '@ovpn3/sessions'

import type {Change, Switch} from './change'
import type SessionAcl from './commands/session-acl'

/** A requested change, whose user is not yet looked up. */
export type Request = Switch | {readonly action: 'grant' | 'revoke'; readonly name: string}

/**
 * The requested changes in order; empty if the access list is only shown.
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
 * The changes by source, since each source has its own users. The users are looked up before any source is asked for
 * sessions.
 * @throws Ovpn3Error `usage` if no source has these users
 */
export async function changesIn(
  requests: readonly Request[],
  sources: readonly SessionSource[],
): Promise<(source: SessionSource) => Change[]> {
  const lookups = await Promise.allSettled(sources.map((source) => changesOf(requests, source)))
  const errors = lookups.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  if (errors.length > 0 && errors.length === lookups.length) throw errors[0]
  return (source) => {
    const changes = lookups[sources.indexOf(source)]!
    if (changes.status === 'rejected') throw changes.reason
    return changes.value
  }
}

/** Each user is changed once, however often and by whichever name. @throws Ovpn3Error `usage` */
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
      throw new Ovpn3Error('usage', `cannot both grant and revoke access: ${userText(change.user)}`, {
        hint: 'Pass each user to --grant or to --revoke',
      })
  }

  return changes
}
