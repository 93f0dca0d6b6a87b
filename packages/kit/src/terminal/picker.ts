import type {Writable} from 'node:stream'

import {AsyncResource} from 'node:async_hooks'

import {cut, displayWidth} from './table'

/** What can be picked: a line for each choice, under a header. */
export interface Rows<T> {
  readonly choices: readonly {readonly name: string; readonly value: T}[]
  readonly header: string
}

interface PickerConfig<T> extends Rows<T> {
  readonly message: string
}

type Picker<T> = (
  config: PickerConfig<T>,
  context: {readonly output: Writable; readonly signal: AbortSignal},
) => Promise<T> & {cancel(): void}

/** Rows that are shown at once where the terminal has room for them. */
const most = 12
/** Columns before a row. */
const margin = 2

/** A prompt that shows choices in rows, and those of them that contain what is typed. */
export async function picker<T>(): Promise<Picker<T>> {
  const {
    createPrompt,
    isDownKey,
    isEnterKey,
    isUpKey,
    makeTheme,
    useEffect,
    useKeypress,
    usePagination,
    usePrefix,
    useState,
  } = await import('@inquirer/core')
  const theme = makeTheme({})
  const keys: ['emacs'] = ['emacs']
  return createPrompt<T, PickerConfig<T>>(({choices, header, message}, done) => {
    const [status, setStatus] = useState<'done' | 'idle'>('idle')
    const [typed, setTyped] = useState('')
    const [active, setActive] = useState(0)
    const [[columns, rows], setSize] = useState(() => sizeOf(process.stderr))
    const prefix = usePrefix({status, theme})
    useEffect(() => {
      const onResize = AsyncResource.bind(() => setSize(sizeOf(process.stderr)))
      process.stderr.on('resize', onResize)
      return () => process.stderr.off('resize', onResize)
    }, [])
    const found = choices.filter(({name}) => contains(name, typed))
    useKeypress((key, readline) => {
      // what is typed behind Enter is for whatever comes next
      if (status === 'done') return
      if (isEnterKey(key)) {
        const chosen = found[active]
        if (chosen) {
          setStatus('done')
          done(chosen.value)
        } else readline.write(typed)
      } else if (isUpKey(key, keys)) setActive(Math.max(active - 1, 0))
      else if (isDownKey(key, keys)) setActive(Math.min(active + 1, Math.max(found.length - 1, 0)))
      else if (key.name === 'tab') {
        // there is nothing to complete
        readline.clearLine(0)
        readline.write(typed)
      } else if (readline.line !== typed) {
        setTyped(readline.line)
        setActive(0)
      }
    })
    const question = [prefix, theme.style.message(message, status), typed].join(' ')
    const pageSize = pageSizeOf(question, columns, rows)
    const page = usePagination({
      active,
      items: found,
      loop: false,
      pageSize,
      renderItem({isActive, item: {name}}) {
        const line = `${isActive ? '>' : ' '} ${cut(name, columns - margin)}`
        return isActive ? theme.style.highlight(line) : line
      },
    })
    if (status === 'done')
      return cut(
        [prefix, theme.style.message(message, status), theme.style.answer(found[active]!.name)].join(' '),
        columns,
      )
    const hidden = found.length - pageSize
    const help = `${hidden > 0 ? `${active + 1} of ${found.length}. ` : ''}Type to filter, ↑↓ to move, Enter to select, Esc to cancel`
    const lines = [
      theme.style.help(' '.repeat(margin) + cut(header, columns - margin)),
      found.length > 0 ? page : `${' '.repeat(margin)}No match`,
      theme.style.help(cut(help, columns)),
    ]
    return [question, lines.join('\n')]
  })
}

const sizeOf = ({columns, rows}: NodeJS.WriteStream): readonly [columns: number, rows: number] => [columns, rows]

/** How many rows fit between the question, the header and the help. */
function pageSizeOf(question: string, columns: number, rows: number): number {
  const above = Math.ceil((displayWidth(question) + 1) / columns)
  // a last line stays empty, so that nothing scrolls
  return Math.max(1, Math.min(most, rows - above - 3))
}

/** Whether a row has all the words that were typed. */
function contains(name: string, typed: string): boolean {
  const row = name.toLowerCase()
  return typed
    .toLowerCase()
    .split(' ')
    .every((word) => row.includes(word))
}
