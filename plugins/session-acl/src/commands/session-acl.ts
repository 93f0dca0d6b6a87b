import * as Flags from '@oclif/core/flags'
import {
  colorsOf,
  type Completion,
  errorText,
  type Selected,
  selectorArgs,
  selectorFlags,
  SessionCommand,
  uidNamed,
} from '@ovpn3/kit'
import {
  aboutSession,
  configOf,
  errorJson,
  exitStatusOf,
  goneError,
  hasCode,
  identityOf,
  Ovpn3Error,
  type PropertyName,
  type Snapshot,
} from '@ovpn3/sessions'

import {
  type ChangeResult,
  type Changes,
  leavesPublic,
  makeChanges,
  planChanges,
  propertiesOf,
  withPartialFailure,
} from '../change'
import {accessListOf, accessListText, aclProperties, type AclReport, isComplete} from '../report'
import {changesIn, type Request, requestsOf} from '../request'

const access = {helpGroup: 'ACCESS'}

export default class SessionAcl extends SessionCommand<typeof SessionAcl, AclReport> {
  static override aliases = ['acl']
  static override summary = 'Show and change who has access to a VPN session'
  static override description = `The owner of a session can grant other users access. They can then list, pause, resume, restart and disconnect it, and set its log level; there is no read-only access. Without a change, the command shows who has access. On a terminal, the session can be picked from a list.

Options can be combined. All values are checked first. Then users are granted and revoked access, --public-access and --allow-log-access are applied, and --show prints the result. Changes are idempotent. The command stops at the first change that fails.

Boolean values are true and false, yes and no, on and off, or 1 and 0.

Exit status: 0 done; 1 unexpected failure; 2 wrong usage; 3 some of several changes were made, and one failed; 4 no such session, or ambiguous; 5 access denied; 6 host, bus or session manager not reachable; 7 timed out; 130 interrupted.`
  static override usage = '<%= command.id %> [SESSION] [OPTION...]'
  static override examples = [
    {
      command: '<%= config.bin %> <%= command.id %> --config office',
      description: 'Show who has access to a session',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --grant bob --grant 6003 --config office',
      description: 'Grant two users access, one of them by uid',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --revoke bob --path 7c1b --show',
      description: 'Revoke access, and show who still has it',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --public-access false --allow-log-access false --interface tun0',
      description: 'Restrict a session to its owner and the granted users, who cannot read its log',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --show --config office --json',
      description: 'Show the access list as JSON, for a script',
    },
  ]
  static override completion: Completion = {
    'allow-log-access': {own: true, values: ['true', 'false']},
    grant: {own: true, values: 'user'},
    'public-access': {own: true, values: ['true', 'false']},
    revoke: {own: true, values: 'user-with-access'},
  }
  static override args = selectorArgs
  static override flags = {
    ...selectorFlags,
    show: Flags.boolean({...access, char: 's', summary: 'Show who has access, after the changes'}),
    grant: Flags.string({
      ...access,
      char: 'G',
      helpValue: 'USER',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Grant a user access, by name or uid; can be repeated',
    }),
    revoke: Flags.string({
      ...access,
      char: 'R',
      helpValue: 'USER',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Revoke the access of a user, by name or uid; can be repeated',
    }),
    'public-access': Flags.string({
      ...access,
      helpValue: 'true|false',
      summary: 'Turn access for every user of this machine on or off',
    }),
    'allow-log-access': Flags.string({
      ...access,
      helpValue: 'true|false',
      summary: 'Turn log access for users with granted access on or off',
    }),
    'dry-run': Flags.boolean({summary: 'Show what would be changed, and change nothing'}),
  }

  protected async execute(): Promise<AclReport> {
    const configIsKnown = this.selector?.kind === 'config'
    const requests = requestsOf(this.flags)
    if (requests.length === 0) this.flags = {...this.flags, show: true}
    const changesOf = await changesIn(requests, (await this.sources()).all)
    const selected = await this.#select({
      hint: 'Pass SESSION. Run `ovpn3 list` to list sessions',
      question: `${requests.length > 0 ? 'Change' : 'Show'} access to which session?`,
      read: this.#properties(requests, configIsKnown),
    })
    const {owner, session} = selected
    const changes = changesOf(session.source)
    const gone = goneError(session)
    if (gone) throw aboutSession(session, gone, owner)
    const report = ({message, outcome}: ChangeResult) => {
      // programs expect the lines of openvpn3
      const line = this.isInPlace ? message : `${selected.label}: ${startOf(message)}`
      this.log(outcome === 'unchanged' ? colorsOf(process.stdout).dim(line) : line)
    }

    const made = this.#dryRun
      ? await planChanges(selected, changes, report)
      : await this.graceful(makeChanges(selected, changes, report, this.abortSignal))
    if (made.error && !made.results.some(({changed}) => changed)) throw made.error
    if (leavesPublic(session, made.results))
      this.notice('Public access is on: every user still has access. Pass --public-access false to turn it off.')
    return this.#report(selected, made)
  }

  /** A second user after --grant or --revoke is taken for the session. @throws Ovpn3Error */
  async #select(options: Parameters<SessionAcl['selectOne']>[0]): Promise<Selected> {
    try {
      return await this.selectOne(options)
    } catch (error) {
      const {grant, revoke} = this.flags
      const {session} = this.args
      if (session === undefined || !(grant ?? revoke) || !hasCode(error, 'session-not-found')) throw error
      const {all} = await this.sources()
      const uids = await Promise.allSettled(all.map((source) => uidNamed(session, 'grant', source)))
      if (uids.every(({status}) => status === 'rejected')) throw error
      throw new Ovpn3Error('session-not-found', (error as Ovpn3Error).message, {
        cause: error,
        hint: `Repeat ${grant ? '--grant' : '--revoke'} for each user`,
      })
    }
  }

  protected override exitStatus(report: AclReport): number {
    return exitStatusOf([report])
  }

  /** The changes were printed as they were made. */
  protected async display(report: AclReport): Promise<void> {
    if (this.flags.show && isComplete(report)) this.log(accessListText(report, !this.isInPlace))
    if (report.error) this.noticeError(errorText(report.error))
  }

  /** The properties to read beforehand: each read costs time. */
  #properties(requests: readonly Request[], configIsKnown: boolean): PropertyName[] {
    const named = requests.length > 0 || this.jsonEnabled()
    return [
      ...new Set<PropertyName>([
        'owner',
        ...(named && !configIsKnown ? (['config_name'] as const) : []),
        ...(this.#shows && this.#isUnchanged(requests) ? aclProperties : []),
        ...requests.flatMap(({action}) => propertiesOf(action, this.#dryRun)),
      ]),
    ]
  }

  get #dryRun(): boolean {
    return Boolean(this.flags['dry-run'])
  }

  get #shows(): boolean {
    return Boolean(this.flags.show) || this.jsonEnabled()
  }

  #isUnchanged(changes: readonly unknown[]): boolean {
    return changes.length === 0 || this.#dryRun
  }

  /** Reads the access list after the changes, unless interrupted. */
  async #refresh({session}: Selected): Promise<Snapshot> {
    return this.abortSignal.aborted ? {errors: {}, values: {}} : session.fetch(aclProperties)
  }

  /** The changes and the resulting access. @throws Ovpn3Error if nothing was changed and something failed */
  async #report(selected: Selected, {error, results}: Changes): Promise<AclReport> {
    const {owner, session} = selected
    const {snapshot} = session
    const after = this.#shows && !this.#isUnchanged(results) ? await this.#refresh(selected) : snapshot
    const errors = [snapshot.errors.owner, ...aclProperties.map((name) => after.errors[name])]
    const unread = this.#shows ? errors.find(Boolean) : undefined
    const failure = error ?? (unread && withPartialFailure(results, aboutSession(session, unread, owner)))
    if (failure && failure.code !== 'some-failed') throw failure
    return {
      ...identityOf(session),
      config: configOf(session),
      ...(await accessListOf({...snapshot.values, ...after.values}, session.source)),
      changes: results,
      dryRun: this.#dryRun,
      error: failure && errorJson(failure),
    }
  }
}

/** A message as the end of a line: without a capital letter at the start, except in the name of a user. */
function startOf(message: string): string {
  return message.replace(/^(?:Granted|Removed|Revoked|Session|Would)(?= )/, (word) => word.toLowerCase())
}
