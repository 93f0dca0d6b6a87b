import {Ovpn3Error, type ProfileSummary, safeText, type SavedProfile, type SourceProfile} from '@ovpn3/sessions'

import type {SelectContext} from './select'

import {profileTable} from './summary'
import {pick} from './terminal'

/**
 * The saved profile of a name, undefined where there is none. Without a name, one is picked on a terminal. Several of
 * the name are never guessed at, but the only one of the caller's own is meant: others can name theirs as they like.
 * @throws Ovpn3Error `usage`, `profile-ambiguous`, `profile-not-found`, `interrupted`
 */
export async function selectProfile(context: SelectContext, name?: string): Promise<SourceProfile | undefined> {
  if (name === undefined && !context.interactive)
    throw new Ovpn3Error('usage', 'no profile: pass the name of a saved profile, or a file', {
      hint: 'Run `openvpn3 configs-list`',
    })
  const sources = await context.sources()
  const found = await sources.profiles(name === undefined ? {} : {name})
  if (found.length === 0 && name === undefined)
    throw new Ovpn3Error('profile-not-found', 'no saved profiles', {hint: 'Pass a file with --config FILE'})
  if (name !== undefined && found.length < 2) return found[0]
  const detailed = await sources.profiles(name === undefined ? {details: true} : {details: true, name})
  const own = detailed.filter(({profile, source}) => profile.owner === source.me)
  if (name !== undefined && own.length === 1) return own[0]
  const choices = [...detailed].sort(
    (a, b) => a.profile.name.localeCompare(b.profile.name) || a.profile.path.localeCompare(b.profile.path),
  )
  if (context.interactive) {
    const lines = await profileTable(choices.map(({profile}) => summaryOf(profile)))
    const question = name === undefined ? 'Which profile to start?' : `Which of the profiles named ${safeText(name)}?`
    const rows = {choices: choices.map((value, i) => ({name: lines[i + 1]!, value})), header: lines[0]!}
    return context.ask(() => pick(question, rows, context.signal))
  }

  throw new Ovpn3Error('profile-ambiguous', `${choices.length} profiles are named "${safeText(name!)}"`, {
    hint: 'Select one with --config-path',
    profiles: choices.map(({profile}) => summaryOf(profile)),
  })
}

function summaryOf({lastUsed, name, owner, path}: SavedProfile): ProfileSummary {
  return {lastUsed: lastUsed || null, name, owner: owner ?? null, path}
}
