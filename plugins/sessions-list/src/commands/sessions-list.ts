import * as Flags from '@oclif/core/flags'
import {colorsOf, type Completion, onReaderGone, type SelectorName, WatchCommand} from '@ovpn3/kit'
import {Ovpn3Error, paced, statusTexts} from '@ovpn3/sessions'

import {printClassic} from '../classic'
import {type ColumnName, columnNames} from '../columns'
import {type Entry, entryOf, listedSession, type Needs} from '../entry'
import {defaultColumns, emptyText, filterFor, keysOf, matches, needsOf, type Query, queryOf, sorted} from '../query'
import {sessionTable} from '../table'
import {lineView, present, tableView} from '../view'
import {Watch} from '../watch'

type Format = 'classic' | 'json' | 'table'

/** What completion knows of the values of columns. */
const filterValues = {
  config: 'config',
  device: 'interface',
  owner: 'owner',
  status: statusTexts,
} as const

export default class SessionsList extends WatchCommand<typeof SessionsList> {
  static override summary = 'List VPN sessions: yours and those that you have access to.'
  static override description = `On a terminal a table; without one, or with --format=classic, records of "Label: value" lines like those of openvpn3 sessions-list.

With --watch the list follows what happens: on a terminal the table is updated in place, without one there is a line for each change. It ends with Ctrl-C, or when nobody reads it any more.

Columns: ${columnNames.join(', ')}.

A session whose backend is gone is removed by the session manager when it is looked at; its row says so.`
  static override examples = [
    {command: '<%= config.bin %> <%= command.id %>', description: 'What is there?'},
    {command: '<%= config.bin %> <%= command.id %> --watch', description: 'Follow it live'},
    {
      command: '<%= config.bin %> <%= command.id %> --filter status=connected --filter "config=office*" --sort -age',
      description: 'Connected sessions of some profiles, the oldest first',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --columns id,config,status',
      description: 'Only these columns, which takes less time, too',
    },
    {command: '<%= config.bin %> <%= command.id %> --json', description: 'For a script'},
    {
      command: '<%= config.bin %> <%= command.id %> --watch --json',
      description: 'For a script that follows: a JSON object a line for each change',
    },
  ]
  static override completion: Completion = {
    columns: {list: true, values: columnNames},
    format: {excludes: {classic: ['columns', 'watch']}},
    filter: {keys: {...Object.fromEntries(columnNames.map((name) => [name, []])), ...filterValues}},
    sort: {values: [...columnNames, ...columnNames.map((name) => `-${name}`)]},
  }
  static override flags = {
    format: Flags.string({
      exclusive: ['json'],
      helpGroup: 'OUTPUT',
      options: ['table', 'classic'],
      summary: 'A table, or the records of openvpn3 sessions-list.',
    }),
    columns: Flags.string({
      helpGroup: 'OUTPUT',
      helpValue: 'A,B,C',
      summary: 'Which columns, or which keys under --json.',
    }),
    sort: Flags.string({
      helpGroup: 'OUTPUT',
      helpValue: '[-]COLUMN',
      summary: 'Order by a column, with - from high to low.',
    }),
    filter: Flags.string({
      helpGroup: 'OUTPUT',
      helpValue: 'COLUMN=VALUE',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Only sessions with this value; * stands for anything. Can be repeated.',
    }),
    watch: Flags.boolean({char: 'w', helpGroup: 'OUTPUT', summary: 'Follow what happens, until Ctrl-C.'}),
  }
  readonly #hung = new Set<string>()
  #watch: Watch | undefined

  protected async execute(): Promise<void> {
    const format = this.#format()
    const query = queryOf(this.flags)
    const columns = query.columns ?? defaultColumns[this.flags.watch && format !== 'json' ? 'table' : format]
    const needs = needsOf(query, columns)
    await (this.flags.watch
      ? this.#follow(format, query, columns, needs)
      : this.#print(format, query, columns, await this.#read(needs)))
  }

  protected override onStall(session?: {readonly id: string; readonly path: string}): void {
    if (session) this.#hung.add(session.path)
    if (session && this.#watch) this.#watch.stalled(session.path)
    // a line of its own would tear the table that is being updated
    if (!(this.#watch && this.#isLive)) super.onStall(session)
  }

  protected override insteadOfSelector(name: SelectorName, value: string): readonly string[] {
    return ['--filter', filterFor(name, value)]
  }

  #format(): Format {
    const {columns, format, json, watch} = this.flags
    const clash = format === 'classic' && ((watch && '--watch') || (columns !== undefined && '--columns'))
    if (clash) throw new Ovpn3Error('usage', `--format=${format} and ${clash} cannot be used together`)
    if (json) return 'json'
    if (format) return format as Format
    return process.stdout.isTTY || columns !== undefined ? 'table' : 'classic'
  }

  get #isLive(): boolean {
    return Boolean(process.stdout.isTTY) && process.env.TERM !== 'dumb' && !this.jsonEnabled()
  }

  /** All sessions, in the order of the session manager, each to be had as soon as it was read. */
  async #read(needs: Needs): Promise<Promise<Entry>[]> {
    const {sessions} = await this.resolve({read: [], selector: {kind: 'all'}})
    return paced(sessions, async (session) => {
      const snapshot = await session.refresh(needs.properties)
      return entryOf(session, snapshot, needs, this.#hung.has(session.path))
    })
  }

  async #print(
    format: Format,
    query: Query,
    columns: readonly ColumnName[],
    reading: readonly Promise<Entry>[],
  ): Promise<void> {
    if (format === 'classic' && !query.sort) {
      await printClassic(inTurn(reading, query), reading.length, (text) => this.log(text))
      return
    }

    const all = await Promise.all(reading)
    const now = present()
    const entries = sorted(
      all.filter((entry) => matches(query, entry, now)),
      query,
      now,
    )
    switch (format) {
      case 'classic':
        await printClassic(entries, all.length, (text) => this.log(text))
        break
      case 'json': {
        const keys = keysOf(columns)
        this.logJson({sessions: entries.map((entry) => listedSession(entry, keys))})
        break
      }

      case 'table': {
        const {columns: width} = process.stdout
        if (entries.length > 0) this.log(sessionTable(entries, {colors: colorsOf(process.stdout), columns, now, width}))
        else this.log(emptyText(all.length))
      }
    }
  }

  async #follow(format: Format, query: Query, columns: readonly ColumnName[], needs: Needs): Promise<void> {
    const resolved = await this.resolve({read: [], selector: {kind: 'all'}})
    const view = this.#isLive
      ? await tableView(() => watch, query, columns)
      : lineView(query, columns, {json: format === 'json', print: (line) => this.log(line)})
    const watch = new Watch(resolved, {changed: (kind, entry) => view.changed(kind, entry), needs})
    this.#watch = watch
    const stop = () => watch.stop()
    const forget = onReaderGone(stop)
    this.abortSignal.addEventListener('abort', stop)
    try {
      await this.graceful(watch.run())
    } finally {
      view.end()
      forget()
    }
  }
}

/** Each entry that the query asks for when it is there, and the ones before it are. */
async function* inTurn(reading: readonly Promise<Entry>[], query: Query): AsyncGenerator<Entry> {
  for (const entry of reading) {
    const read = await entry
    if (matches(query, read, present())) yield read
  }
}
