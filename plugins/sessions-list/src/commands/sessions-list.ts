import * as Flags from '@oclif/core/flags'
import {colorsOf, type Completion, type SelectorName, WatchCommand} from '@ovpn3/kit'
import {keyOf, mapLimited, Ovpn3Error, readingOf, safeText, statusTexts, Tracker} from '@ovpn3/sessions'

import {printClassic} from '../classic'
import {type ColumnName, columnNames} from '../columns'
import {type Details, detailsOf, type Entry, listedSession, type Reads} from '../entry'
import {defaultColumns, emptyText, filterFor, keysOf, matches, type Query, queryOf, readsOf, sorted} from '../query'
import {sessionTable} from '../table'
import {type Change, drawTable, jsonOf, nowSeconds, printer} from '../view'

type Format = 'classic' | 'json' | 'table'

/** The sessions that match the query, in its order. */
interface Listing {
  readonly columns: readonly ColumnName[]
  readonly entries: readonly Entry[]
  /** Seconds since 1970. */
  readonly now: number
  /** The number of all sessions, matching or not. */
  readonly total: number
}

export default class SessionsList extends WatchCommand<typeof SessionsList, Listing> {
  static override aliases = ['list', 'ls']
  static override summary = 'List VPN sessions: your own and those shared with you.'
  static override description = `On a terminal the output is a table. Otherwise, or with --format=classic, it is records of "Label: value" lines like those of openvpn3 sessions-list.

On a narrow terminal the table leaves out SERVER, then OWNER, AGE and DEVICE. --columns selects columns that are always shown.

--watch follows changes: on a terminal the table is updated in place, otherwise each change is one line. It ends with q or Ctrl-C, or when the reader of its output exits.

Columns: ${columnNames.join(', ')}. config is the name of the profile when the session was started, profile its current name.

Listing a stale session removes it; its row says so.

Exit status: 0 done; 1 unexpected failure; 2 wrong usage; 5 access denied; 6 bus or session manager not reachable; 7 session manager not responding; 130 interrupted.`
  static override examples = [
    {command: '<%= config.bin %> <%= command.id %>', description: 'List all sessions'},
    {command: '<%= config.bin %> <%= command.id %> --watch', description: 'Follow changes live'},
    {
      command: '<%= config.bin %> <%= command.id %> --filter status=connected --filter "config=office*" --sort -age',
      description: 'List connected sessions of some profiles, the oldest first',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --columns id,config,status',
      description: 'Show these columns only, which is also faster',
    },
    {command: '<%= config.bin %> <%= command.id %> --json', description: 'Print JSON for a script'},
    {
      command: '<%= config.bin %> <%= command.id %> --watch --json',
      description: 'Print one JSON object per change',
    },
  ]
  static override completion: Completion = {
    columns: {list: true, values: columnNames},
    format: {excludes: {classic: ['columns', 'watch']}},
    filter: {
      keys: {
        ...Object.fromEntries(columnNames.map((name) => [name, []])),
        config: 'config',
        device: 'interface',
        owner: 'owner',
        status: statusTexts,
      },
    },
    sort: {values: [...columnNames, ...columnNames.map((name) => `-${name}`)]},
  }
  static override flags = {
    format: Flags.string({
      exclusive: ['json'],
      helpGroup: 'OUTPUT',
      options: ['text', 'table', 'classic', 'json'],
      summary:
        'Print a table, records like those of openvpn3 sessions-list (classic), or JSON. Default: text, a table on a terminal and records otherwise.',
    }),
    columns: Flags.string({
      helpGroup: 'OUTPUT',
      helpValue: 'A,B,C',
      summary: 'Show these columns, or these keys with --json.',
    }),
    sort: Flags.string({
      helpGroup: 'OUTPUT',
      helpValue: '[-]COLUMN',
      summary: 'Sort by a column; with - in descending order.',
    }),
    filter: Flags.string({
      helpGroup: 'OUTPUT',
      helpValue: 'COLUMN=VALUE',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'List only sessions with this value; * matches any text. Can be repeated: all filters must match.',
    }),
    watch: Flags.boolean({char: 'w', helpGroup: 'OUTPUT', summary: 'Follow changes until q or Ctrl-C.'}),
  }

  protected async execute(): Promise<Listing | undefined> {
    const format = this.#format()
    const query = queryOf(this.flags)
    const columns = query.columns ?? defaultColumns[this.flags.watch && format !== 'json' ? 'table' : format]
    const reads = readsOf(query, columns)
    if (this.flags.watch) return this.#follow(query, columns, reads)
    const reading = await this.#read(reads)
    const print = (text: string) => this.log(text)
    // prints each record as soon as it is read
    if (format === 'classic' && !query.sort) return printClassic(inTurn(reading, query), reading.length, print)
    const all = (await Promise.all(reading)).filter((entry) => entry !== undefined)
    const now = nowSeconds()
    const matching = all.filter((entry) => matches(query, entry, now))
    return {columns, entries: sorted(matching, query, now), now, total: all.length}
  }

  protected override toSuccessJson({columns, entries}: Listing): unknown {
    const keys = keysOf(columns)
    return {sessions: entries.map((entry) => listedSession(entry, keys))}
  }

  protected async display({columns, entries, now, total}: Listing): Promise<void> {
    const {columns: width} = process.stdout
    if (this.#format() === 'classic') await printClassic(entries, total, (text) => this.log(text))
    else if (entries.length === 0) this.log(emptyText(total))
    else {
      const keepsColumns = this.flags.columns !== undefined
      this.log(sessionTable(entries, {colors: colorsOf(process.stdout), columns, keepsColumns, now, width}))
    }
  }

  protected override replaceSelector(name: SelectorName, value: string): readonly string[] {
    return ['--filter', filterFor(name, value)]
  }

  #format(): Format {
    const {columns, format, watch} = this.flags
    const clash = format === 'classic' && ((watch && '--watch') || (columns !== undefined && '--columns'))
    if (clash) throw new Ovpn3Error('usage', `--format=${format} and ${clash} cannot be used together`)
    if (this.jsonEnabled()) return 'json'
    if (format && format !== 'text') return format as Format
    return process.stdout.isTTY || columns !== undefined ? 'table' : 'classic'
  }

  /** Reads all sessions, in the order of the session manager. Each promise settles when its session was read. */
  async #read(reads: Reads): Promise<Promise<Entry | undefined>[]> {
    const hung = new Set<string>()
    this.whenStalled((session) => hung.add(keyOf(session)))
    const sources = await this.sources()
    return mapLimited(await sources.find({kind: 'all'}, []), async (session) => {
      try {
        const snapshot = await session.refresh(reads.properties)
        const reading = readingOf(session, snapshot, hung.has(keyOf(session)))
        return {...reading, details: await detailsOf(reading, reads)}
      } catch (error) {
        sources.markFailed(session.source, error)
      }
    })
  }

  async #follow(query: Query, columns: readonly ColumnName[], reads: Reads): Promise<undefined> {
    let changed: (change: Change) => void = () => {}
    /** Errors of sources, shown below the table. */
    const failures = new Set<string>()
    const tracker = new Tracker<Details>(await this.sources(), {
      changed: (kind, entry) => changed({entry, kind}),
      details: (reading) => detailsOf(reading, reads),
      failed: (failure) => {
        this.tellFailure(failure)
        failures.add(`${safeText(failure.source)}: ${safeText(failure.error.message)}`)
      },
      follow: true,
      properties: reads.properties,
    })
    this.whenStalled((session) => tracker.stalled(session))
    await this.stream<Change>(
      {
        draw: (view) => drawTable(view, {failures, tracked: tracker}, query, columns),
        json: jsonOf(query, columns),
        print: printer(query, columns, (line) => this.log(line)),
      },
      async (emit, signal) => {
        changed = emit
        await tracker.run(signal)
      },
    )
  }
}

/** Yields the matching entries in order, each as soon as it and those before it have been read. */
async function* inTurn(reading: readonly Promise<Entry | undefined>[], query: Query): AsyncGenerator<Entry> {
  for (const entry of reading) {
    const read = await entry
    if (read && matches(query, read, nowSeconds())) yield read
  }
}
