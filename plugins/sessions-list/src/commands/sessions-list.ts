import * as Flags from '@oclif/core/flags'
import {colorsOf, type Completion, type SelectorName, WatchCommand} from '@ovpn3/kit'
import {
  keyOf,
  mapLimited,
  Ovpn3Error,
  readingOf,
  safeText,
  type Session,
  type Sources,
  statusTexts,
  Tracker,
} from '@ovpn3/sessions'

import {printClassic} from '../classic'
import {type ColumnName, columnNames} from '../columns'
import {type Details, detailsOf, type Entry, listedSession, type Reads} from '../entry'
import {defaultColumns, emptyText, filterFor, keysOf, matches, type Query, queryOf, readsOf, sorted} from '../query'
import {sessionTable} from '../table'
import {type Change, drawTable, jsonOf, nowSeconds, printer} from '../view'

type Format = 'classic' | 'json' | 'table'

/** Milliseconds for which rows wait for those of other hosts. */
const rowPause = 200

/** The sessions of a source; each promise settles when its session was read. */
type EntryList = readonly Promise<Entry | undefined>[]

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
  static override summary = 'List VPN sessions: your own and those shared with you'
  static override description = `On a terminal the output is a table. Otherwise, or with --format=classic, it is records of "Label: value" lines like those of openvpn3 sessions-list.

On a narrow terminal the table leaves out SERVER, then OWNER, AGE and DEVICE. --columns selects columns that are always shown.

--watch follows changes: on a terminal the table is updated in place, otherwise each change is one line. It ends with q or Ctrl-C, or when the reader of its output exits.

Columns: ${columnNames.join(', ')}. config is the name of the profile when the session was started, profile its current name.

Listing a stale session removes it; its row says so.

Exit status: 0 done; 1 unexpected failure; 2 wrong usage; 3 some of several hosts failed; 5 access denied; 6 host, bus or session manager not reachable; 7 session manager not responding; 130 interrupted.`
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
        'Print a table, records like those of openvpn3 sessions-list (classic), or JSON. Default: text, a table on a terminal and records otherwise',
    }),
    columns: Flags.string({
      helpGroup: 'OUTPUT',
      helpValue: 'A,B,C',
      summary: 'Show these columns, or these keys with --json',
    }),
    sort: Flags.string({
      helpGroup: 'OUTPUT',
      helpValue: '[-]COLUMN',
      summary: 'Sort by a column; with - in descending order',
    }),
    filter: Flags.string({
      helpGroup: 'OUTPUT',
      helpValue: 'COLUMN=VALUE',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'List only sessions with this value; * matches any text; can be repeated: all filters must match',
    }),
    watch: Flags.boolean({char: 'w', helpGroup: 'OUTPUT', summary: 'Follow changes until q or Ctrl-C'}),
  }

  protected async execute(): Promise<Listing | undefined> {
    const format = this.#format()
    const query = queryOf(this.flags)
    const usual = defaultColumns[this.flags.watch && format !== 'json' ? 'table' : format]
    // distinguishes the sessions of several hosts
    const isOfSeveral = (this.flags.host?.length ?? 0) > 1
    const columns = query.columns ?? (isOfSeveral ? ['host', ...usual] : usual)
    const reads = readsOf(query, columns)
    if (this.flags.watch) return this.#follow(query, columns, reads)
    const sources = await this.sources()
    const lists = this.#read(sources, reads)
    if (!query.sort && format === 'classic') return this.#printRecords(sources, lists, query)
    if (!query.sort && format === 'table' && isOfSeveral) return this.#printRows(sources, lists, query, columns)
    const all = (await Promise.all(lists.map(async (list) => entriesOf(await list)))).flat()
    sources.failIfAllLost()
    const now = nowSeconds()
    const matching = all.filter((entry) => matches(query, entry, now))
    return {columns, entries: sorted(matching, query, now), now, total: all.length}
  }

  /** Prints each record as soon as it is read. */
  async #printRecords(sources: Sources, lists: readonly Promise<EntryList>[], query: Query): Promise<undefined> {
    let total = 0
    const matching = async function* () {
      for await (const list of inArrivalOrder(lists)) {
        total += list.length
        for (const entry of list) {
          const read = await entry
          if (read && matches(query, read, nowSeconds())) yield read
        }
      }

      sources.failIfAllLost()
    }

    await printClassic(
      matching(),
      () => total,
      (text) => this.log(text),
    )
  }

  /** Prints the rows of each host as they arrive: one that does not answer does not hold up the others. */
  async #printRows(
    sources: Sources,
    lists: readonly Promise<EntryList>[],
    query: Query,
    columns: readonly ColumnName[],
  ): Promise<undefined> {
    let total = 0
    const shown: Entry[] = []
    let printed: readonly string[] = []
    const print = () => {
      if (shown.length === 0) return
      const [header, ...rows] = this.#table(shown, columns).split('\n')
      // where a later row has changed the columns, they need their header again
      const isSame = header === printed[0]
      this.log([...(isSame ? [] : [header]), ...rows.slice(Math.max(0, printed.length - 1))].join('\n'))
      printed = [header!, ...rows]
    }

    let pause: NodeJS.Timeout | undefined
    for await (const list of inArrivalOrder(lists)) {
      const entries = await entriesOf(list)
      total += entries.length
      shown.push(...entries.filter((entry) => matches(query, entry, nowSeconds())))
      // hosts that answer at about the same time share the widths of their columns
      pause ??= setTimeout(() => {
        pause = undefined
        print()
      }, rowPause)
    }

    if (pause) print()
    clearTimeout(pause)
    sources.failIfAllLost()
    if (shown.length === 0) this.log(emptyText(total))
  }

  #table(entries: readonly Entry[], columns: readonly ColumnName[], now = nowSeconds()): string {
    const {columns: width} = process.stdout
    const keepsColumns = this.flags.columns !== undefined
    return sessionTable(entries, {colors: colorsOf(process.stdout), columns, keepsColumns, now, width})
  }

  protected override toSuccessJson({columns, entries}: Listing): unknown {
    const keys = keysOf(columns)
    return {sessions: entries.map((entry) => listedSession(entry, keys))}
  }

  protected async display({columns, entries, now, total}: Listing): Promise<void> {
    if (this.#format() === 'classic')
      await printClassic(
        entries,
        () => total,
        (text) => this.log(text),
      )
    else this.log(entries.length === 0 ? emptyText(total) : this.#table(entries, columns, now))
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

  /** Reads the sessions of each source, in its order. */
  #read(sources: Sources, reads: Reads): Promise<EntryList>[] {
    const hung = new Set<string>()
    this.whenStalled((session) => hung.add(keyOf(session)))
    const read = async (session: Session) => {
      try {
        const snapshot = await session.refresh(reads.properties)
        const reading = readingOf(session, snapshot, hung.has(keyOf(session)))
        return {...reading, details: await detailsOf(reading, reads)}
      } catch (error) {
        sources.markFailed(session.source, error)
      }
    }

    return sources.lists().map(async (sessions) => mapLimited(await sessions, read))
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

const entriesOf = async (list: EntryList): Promise<Entry[]> =>
  (await Promise.all(list)).filter((entry) => entry !== undefined)

/** Yields the values in the order in which they become available. */
async function* inArrivalOrder<T>(promises: readonly Promise<T>[]): AsyncGenerator<T> {
  const pending = new Map(promises.map((promise, i) => [i, promise.then((value) => ({i, value}))]))
  while (pending.size > 0) {
    const {i, value} = await Promise.race(pending.values())
    pending.delete(i)
    yield value
  }
}
