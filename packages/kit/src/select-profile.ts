import {
  Ovpn3Error,
  type ProfileSummary,
  safeText,
  type SavedProfile,
  shortId,
  type SourceProfile,
} from '@ovpn3/sessions'
import {basename} from 'node:path/posix'

import type {SelectContext} from './select'

import {profileLines} from './summary'
import {pick} from './terminal'

/**
 * The saved profile of a name, undefined where there is none. Without a name, one is picked on a terminal. Several of
 * the name are never guessed at.
 * @throws Ovpn3Error `usage`, `profile-ambiguous`, `profile-not-found`, `interrupted`
 */
export async function selectProfile(context: SelectContext, name?: string): Promise<SourceProfile | undefined> {
  if (name === undefined && !context.interactive)
    throw new Ovpn3Error('usage', 'no profile: name a saved profile or a file', {
      hint: 'Your profiles: openvpn3 configs-list',
    })
  const sources = await context.sources()
  const found = await sources.profiles(name === undefined ? {} : {name})
  if (found.length === 0 && name === undefined)
    throw new Ovpn3Error('profile-not-found', 'there are no saved profiles', {hint: 'Name a file with --config FILE'})
  if (name !== undefined && found.length < 2) return found[0]
  const detailed = await sources.profiles(name === undefined ? {details: true} : {details: true, name})
  const choices = [...detailed].sort(
    (a, b) => a.profile.name.localeCompare(b.profile.name) || a.profile.path.localeCompare(b.profile.path),
  )
  if (context.interactive) {
    const lines = await profileLines(
      // a whole path would not fit beside the rest
      choices.map(({profile}) => ({...summaryOf(profile), path: shortId(basename(profile.path))})),
    )
    const question = name === undefined ? 'Which profile to start?' : `Which of the profiles named ${safeText(name)}?`
    const named = choices.map((value, i) => ({name: lines[i]!, value}))
    return context.ask(() => pick(question, named, context.signal))
  }

  throw new Ovpn3Error('profile-ambiguous', `${choices.length} profiles are named "${safeText(name!)}"`, {
    hint: 'Select one of them with --config-path',
    profiles: choices.map(({profile}) => summaryOf(profile)),
  })
}

function summaryOf({lastUsed, name, owner, path}: SavedProfile): ProfileSummary {
  return {lastUsed: lastUsed || null, name, owner: owner ?? null, path}
}
