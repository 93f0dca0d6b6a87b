/** The languages of code blocks that contain command lines. */
const shells = new Set(['bash', 'ini', 'sh', 'shell'])

/** What the placeholders of texts stand for. */
const placeholders: Readonly<Record<string, string>> = {
  BOOL: 'true',
  COMMAND: 'session-manage',
  DEVICE: 'tun0',
  FILE: '/dev/null',
  FOLDER: '.',
  ID: '7c1b',
  LEVEL: '3',
  NAME: 'office',
  PATH: '7c1b',
  PLUGIN: 'ovpn3-plugin-uptime',
  PROFILE: 'office',
  SECONDS: '2',
  SECS: '30',
  SESSION: 'office',
  SHELL: 'bash',
  STATE: 'connected',
  TIME: '30',
  HOST: 'gw1',
  USER: 'bob',
}

/** These name ovpn3, but do not run it. */
const others = new Set(['apt-get', 'cd', 'complete', 'man', 'npm'])

/** The arguments of each run of ovpn3 in shell code. */
export function runsIn(code: string): string[][] {
  return simpleCommands(code.replaceAll(/\\\n\s*/g, ' ')).flatMap((words) => {
    const at = words.findIndex((word) => /^(?:ExecSt\w+=)?(?:\/usr\/bin\/)?ovpn3$/.test(word))
    return at === -1 || words.slice(0, at).some((word) => others.has(word)) ? [] : [words.slice(at + 1)]
  })
}

/** The arguments of each run of ovpn3 in Markdown: in code blocks, except sessions on a terminal, and in inline code. */
export function runsInMarkdown(markdown: string): string[][] {
  const runs: string[][] = []
  const prose = markdown.replaceAll(
    /^( *)```(\w*)\n([^]*?)^\1```$/gm,
    (_, _indentation, language: string, code: string) => {
      if (shells.has(language)) runs.push(...runsIn(code))
      return ''
    },
  )
  const inline = [...prose.matchAll(/(`+)(?!`)(.+?)(?<!`)\1(?!`)/g)]
  return [...runs, ...inline.flatMap(([, , code = '']) => runsIn(code.trim().replaceAll(String.raw`\|`, '|')))]
}

/** A command line as it can be run: with values in place of placeholders, and without `…`. */
export function withValues(words: readonly string[]): string[] {
  return words
    .filter((word) => word !== '…' && word !== '...')
    .map((word) =>
      word
        .replace(/^(--[\w-]+=)?%i$/, (_, option = '') => `${option}office`)
        .replace(/(?<=^|^--[\w-]+=|^[a-z]+=)[A-Z]{2,}$/, (name) => {
          const value = placeholders[name]
          if (value === undefined) throw new Error(`unknown placeholder: ${name}`)
          return value
        }),
    )
}

/** Splits shell code into its simple commands, each as words without quotes. Expansions stay as they are. */
function simpleCommands(code: string): string[][] {
  const token =
    /(?<comment>(?<=^|\s)#.*)|(?<redirection>\d?[<>]{1,2}(?!\()&?\s*[^\s;&|()<>]+)|(?<end>[<$]\(|[;&|()\n]+|`)|(?<word>(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|\$(?!\()|[^\s;&|()<>'"\\`$#]|(?<=\S)#)+)/gm
  const commands: string[][] = [[]]
  const substituted: string[][] = []
  for (const {groups} of code.matchAll(token)) {
    if (groups!.end) commands.push([])
    else if (groups!.word) {
      commands.at(-1)!.push(unquote(groups!.word))
      for (const [, inner = ''] of groups!.word.matchAll(/\$\(([^()]*)\)/g)) substituted.push(...simpleCommands(inner))
    }
  }

  return [...commands, ...substituted]
}

const unquote = (word: string): string =>
  word.replaceAll(
    /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g,
    (_, single?: string, double?: string, escaped?: string) =>
      single ?? double?.replaceAll(/\\(["$\\`])/g, '$1') ?? escaped ?? '',
  )
