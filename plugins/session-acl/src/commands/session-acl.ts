import * as Flags from '@oclif/core/flags'
import {
  colorsOf,
  type Completion,
  errorText,
  type Selected,
  selectorArgs,
  selectorFlags,
  SessionCommand,
} from '@ovpn3/kit'
import {
  aboutSession,
  configOf,
  errorJson,
  exitStatusOf,
  goneError,
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
  static override summary = 'Show and change who may use a VPN session.'
  static override description = `The owner of a session may grant other users access, who can then see, pause, resume, restart and disconnect it. Without a change, the command shows who has access. On a terminal the session can be picked from a list.

true and false may also be written yes and no, on and off, 1 and 0.

Options can be combined: first all values are checked, then users are granted and revoked access, then the switches are set, then --show shows what came of it. Granting who has access, and revoking who has none, succeeds and says so. Changes end at the first that fails.

Exit status: 0 done; 1 unexpected failure; 2 wrong usage; 3 some of several changes were made, and one failed; 4 no such session, or ambiguous; 5 access denied; 6 bus or session manager not reachable; 7 deadline passed; 130 interrupted.`
  static override examples = [
    {
      command: '<%= config.bin %> <%= command.id %> --config office',
      description: 'Show who may use a session',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --grant bob --grant 6003 --config office',
      description: 'Let two users use it, one of them by uid',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --revoke bob --path 7c1b --show',
      description: 'Take the access away again, and show who is left',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --public-access false --allow-log-access false --interface tun0',
      description: 'Close a session to all but the owner and the users on the list',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --show --config office --json',
      description: 'The access list as JSON, for a script',
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
    show: Flags.boolean({...access, char: 's', summary: 'Show who has access, after the changes.'}),
    grant: Flags.string({
      ...access,
      char: 'G',
      helpValue: 'USER',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Let this user, by name or uid, use the session; can be given several times.',
    }),
    revoke: Flags.string({
      ...access,
      char: 'R',
      helpValue: 'USER',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Take the access of this user away; can be given several times.',
    }),
    'public-access': Flags.string({
      ...access,
      helpValue: 'true|false',
      summary: 'Let every user of this machine use the session, or not.',
    }),
    'allow-log-access': Flags.string({
      ...access,
      helpValue: 'true|false',
      summary: 'Let users who were granted access read the log of the session, or not.',
    }),
    'dry-run': Flags.boolean({summary: 'Say what would be changed, and change nothing.'}),
  }

  protected async execute(): Promise<AclReport> {
    const configIsKnown = this.selector?.kind === 'config'
    const requests = requestsOf(this.flags)
    if (requests.length === 0) this.flags = {...this.flags, show: true}
    const changesOf = await changesIn(requests, (await this.sources()).all)
    const selected = await this.selectOne({
      hint: 'Pass SESSION: run `ovpn3 sessions-list` to see your sessions',
      question: `Which session's access to ${requests.length > 0 ? 'change' : 'show'}?`,
      read: this.#properties(requests, configIsKnown),
    })
    const {owner, session} = selected
    const changes = changesOf(session.source)
    const gone = goneError(session)
    if (gone) throw aboutSession(session, gone, owner)
    const report = ({message, outcome}: ChangeResult) =>
      this.log(outcome === 'unchanged' ? colorsOf(process.stdout).dim(message) : message)
    const made = this.#dryRun
      ? await planChanges(selected, changes, report)
      : await this.graceful(makeChanges(selected, changes, report, this.abortSignal))
    if (made.error && !made.results.some(({changed}) => changed)) throw made.error
    if (leavesPublic(session, made.results))
      this.notice('Public access is on: everybody can still use the session. --public-access false ends that.')
    return this.#report(selected, made)
  }

  protected override exitStatus(report: AclReport): number {
    return exitStatusOf([report])
  }

  /** The changes were printed as they were made. */
  protected async display(report: AclReport): Promise<void> {
    if (this.flags.show && isComplete(report)) this.log(accessListText(report))
    if (report.error) this.noticeError(await errorText(report.error))
  }

  /** What has to be known of the session beforehand; the less, the sooner it is done. */
  #properties(requests: readonly Request[], configIsKnown: boolean): PropertyName[] {
    const named = requests.length > 0 || this.jsonEnabled()
    return [
      ...new Set<PropertyName>([
        'owner',
        ...(named && !configIsKnown ? (['config_name'] as const) : []),
        ...(this.#shows && this.#staysAsItIs(requests) ? aclProperties : []),
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

  #staysAsItIs(changes: readonly unknown[]): boolean {
    return changes.length === 0 || this.#dryRun
  }

  /** What came of the changes. Who has interrupted them waits for nothing any more. */
  async #readAgain({session}: Selected): Promise<Snapshot> {
    return this.abortSignal.aborted ? {errors: {}, values: {}} : session.fetch(aclProperties)
  }

  /** What was done, and what came of it. @throws Ovpn3Error where nothing was done and something went wrong */
  async #report(selected: Selected, {error, results}: Changes): Promise<AclReport> {
    const {owner, session} = selected
    const {snapshot} = session
    const after = this.#shows && !this.#staysAsItIs(results) ? await this.#readAgain(selected) : snapshot
    const errors = [snapshot.errors.owner, ...aclProperties.map((name) => after.errors[name])]
    const unread = this.#shows ? errors.find(Boolean) : undefined
    const failure = error ?? (unread && withPartialFailure(results, aboutSession(session, unread, owner)))
    if (failure && failure.code !== 'some-failed') throw failure
    return {
      path: session.path,
      id: session.id,
      config: configOf(session),
      ...(await accessListOf({...snapshot.values, ...after.values}, session.source)),
      changes: results,
      dryRun: this.#dryRun,
      error: failure && errorJson(failure),
    }
  }
}
