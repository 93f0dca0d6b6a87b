import {Ovpn3Error, profileNotFound, type ProfileSummary, safeText, type SourceProfile} from '@ovpn3/sessions'

import {failIfIncomplete, type SelectContext} from './select'
import {profileTable} from './summary'
import {pick} from './terminal'
import {userOf} from './users'

/**
 * The saved profile of a name, undefined if there is none. Without a name, lets the user pick one on a terminal. If
 * several profiles have the name, takes the caller's own if there is exactly one, since other users can choose any name.
 * @throws Ovpn3Error `usage`, `profile-ambiguous`, `profile-not-found`, `interrupted`
 */
export async function selectProfile(context: SelectContext, name?: string): Promise<SourceProfile | undefined> {
  if (name === undefined && !context.interactive)
    throw new Ovpn3Error('usage', 'no profile given', {
      hint: 'Pass the name of a saved profile, or a file. Run `openvpn3 configs-list` to list saved profiles',
    })
  const sources = await context.sources()
  const found = await sources.profiles(name === undefined ? {} : {name})
  failIfIncomplete(sources)
  if (found.length === 0 && name === undefined)
    throw profileNotFound('no saved profiles', 'Pass the path of a profile file')
  if (name !== undefined && found.length < 2) return found[0]
  const detailed = await sources.profiles(name === undefined ? {details: true} : {details: true, name})
  const own = detailed.filter(({profile, source}) => profile.owner === source.me)
  if (name !== undefined && own.length === 1) return own[0]
  const choices = [...detailed].sort(
    (a, b) => a.profile.name.localeCompare(b.profile.name) || a.profile.path.localeCompare(b.profile.path),
  )
  const profiles = await Promise.all(choices.map((choice) => summaryOf(choice)))
  if (context.interactive) {
    const lines = profileTable(profiles)
    const question = name === undefined ? 'Which profile to start?' : `Which profile named ${safeText(name)}?`
    const rows = {choices: choices.map((value, i) => ({name: lines[i + 1]!, value})), header: lines[0]!}
    return context.ask(() => pick(question, rows, context.signal))
  }

  const isOneOnEach = new Set(choices.map(({source}) => source)).size === choices.length
  throw new Ovpn3Error('profile-ambiguous', `${choices.length} profiles are named "${safeText(name!)}"`, {
    hint: isOneOnEach ? 'Pass one of these hosts only' : 'Pass --config-path with one of these paths',
    profiles,
  })
}

async function summaryOf({profile, source}: SourceProfile): Promise<ProfileSummary> {
  const {lastUsed, name, path} = profile
  const owner = profile.owner === undefined ? null : await userOf(profile.owner, source)
  return {...(source.host !== undefined && {host: source.host}), lastUsed: lastUsed || null, name, owner, path}
}
