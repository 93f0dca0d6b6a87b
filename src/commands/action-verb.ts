import type {Command, Interfaces} from '@oclif/core'

import {areExclusive, requiredFlags} from '@ovpn3/kit/flags'

import {type ActionVerb, commandLine} from '../verbs'
import SessionManage from './session-manage'

type Flag = Interfaces.FlagInput[string]
type Flags = Readonly<Record<string, Flag>>

const all: Flags = SessionManage.flags
const isAction = (name: string): boolean => all[name]?.helpGroup === 'ACTION'

/** The description of session-manage about waiting, for the actions that connect. */
const waiting = (action: string): string[] =>
  action === 'resume' || action === 'restart'
    ? SessionManage.description.split('\n\n').filter((text) => text.startsWith('Without a terminal, resume'))
    : []

/** The command of a verb: session-manage with a fixed action and only the options of that action. */
export function actionVerb(verb: ActionVerb): Command.Class {
  const {action, aliases, name, summary} = verb
  const flags = flagsOf(action)
  const selects = 'config' in flags
  const pick = selects ? ' On a terminal, omit SESSION to pick it from a list.' : ''
  return class extends SessionManage {
    static override id = name
    static override aliases = [...aliases]
    static override args = (selects ? SessionManage.args : {}) as typeof SessionManage.args
    static override flags = flags as typeof SessionManage.flags
    /** Options that completion treats as given. */
    static implied = [action]
    static override summary = summary
    static override description = [
      ...waiting(action),
      `Short for "ovpn3 ${commandLine(verb)}".${pick}`,
      exitStatusOf(action),
    ].join('\n\n')
    static override usage = `<%= command.id %> ${selects ? '[SESSION] ' : ''}[OPTION...]`
    static override examples = SessionManage.examples
      .filter(({command}) => command.includes(` --${action}`))
      .map(({command, description}) => ({command: command.replace(` --${action}`, ''), description}))

    protected override execute() {
      this.flags = {...this.flags, [action]: true}
      return super.execute()
    }
  }
}

/** The exit statuses of session-manage that an action can have. */
function exitStatusOf(action: string): string {
  const all = SessionManage.description.split('\n\n').find((text) => text.startsWith('Exit status: '))!
  const connects = action === 'resume' || action === 'restart'
  return all
    .split('; ')
    .filter((status) => !(status.startsWith('8 ') && !connects) && !(status.startsWith('4 ') && action === 'cleanup'))
    .flatMap((status) =>
      status.startsWith('130 ') && action === 'pause' ? ['8 the session is no longer running', status] : [status],
    )
    .join('; ')
}

/** The options of session-manage that apply to an action, without their relations to actions. */
function flagsOf(action: string): Flags {
  const needsOther = (name: string) =>
    requiredFlags(all[name]).some((needed) => needed.every((each) => isAction(each) && each !== action))
  const names = Object.keys(all).filter(
    (name) => !isAction(name) && !areExclusive(all, action, name) && !needsOther(name),
  )
  const requires = (name: string) => SessionManage.completion[name]?.requires ?? [name]
  const useful = names.filter((name) => requires(name).some((each) => names.includes(each)))
  return Object.fromEntries(useful.map((name) => [name, withoutAction(all[name]!)]))
}

function withoutAction(flag: Flag): Flag {
  const names = (related: readonly unknown[] = []) => related.filter((each) => !isAction(String(each))) as string[]
  return {
    ...flag,
    dependsOn: names(flag.dependsOn),
    exclusive: names(flag.exclusive),
    helpGroup: flag.helpGroup === 'RESUME AND RESTART' ? 'CONNECTION' : flag.helpGroup,
    relationships: flag.relationships?.filter(({flags}) => names(flags).length > 0),
    summary: flag.summary?.replace(/^With --\S+: (\w)/, (_, first: string) => first.toUpperCase()),
  }
}
