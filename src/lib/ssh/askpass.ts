import {safeText} from '@ovpn3/sessions'
import {rmSync} from 'node:fs'
import {mkdtemp, rm} from 'node:fs/promises'
import {createServer, type Server, type Socket} from 'node:net'
import {tmpdir} from 'node:os'
import {delimiter, dirname, join} from 'node:path'

import {HostError} from './failure'

/** Asks the user on the terminal. */
export interface Asker {
  /** @param signal aborted if ssh no longer waits for the answer */
  ask(question: {readonly hidden: boolean; readonly text: string}, signal: AbortSignal): Promise<string>
  /** Prints a line for the user. */
  notice(text: string): void
}

/** What bin/askpass.js sends: the text, and the kind of ssh (SSH_ASKPASS_PROMPT), null for a question. */
interface Question {
  readonly kind: null | string
  readonly text: string
}

/** Bytes of a question at most. */
const mostQuestion = 8192
const socketName = 'askpass'
/** Bytes of the path of a socket at most: sockaddr_un holds 108 with a NUL, and it is cut silently. */
const mostPath = 107

/**
 * Lets ssh ask the user through this process: for a password, a passphrase, or whether a host key is right. ssh itself
 * has no terminal, so that a Ctrl-C there does not end the connection.
 */
export class Askpass {
  /** Resolves when ssh asks its first question. */
  readonly asked: Promise<void>
  readonly #asker: Asker
  readonly #clients = new Set<Socket>()
  readonly #folder: string
  #onQuestion = () => {}
  #previous: Promise<unknown> = Promise.resolve()
  readonly #program: string
  readonly #server: Server

  private constructor(asker: Asker, program: string, folder: string) {
    this.asked = new Promise((resolve) => {
      this.#onQuestion = resolve
    })
    this.#asker = asker
    this.#folder = folder
    this.#program = program
    this.#server = createServer((socket) => this.#serve(socket))
  }

  /** @param program bin/askpass.js @throws HostError */
  static async listen(asker: Asker, program: string): Promise<Askpass> {
    const askpass = new Askpass(asker, program, await privateFolder())
    process.once('exit', askpass.#remove)
    await new Promise<void>((resolve, reject) => {
      askpass.#server.once('error', reject).listen(askpass.#socket, resolve)
    })
    askpass.#server.unref()
    return askpass
  }

  /** The variables of ssh. */
  get environment(): Readonly<Record<string, string>> {
    return {
      OVPN3_ASKPASS_SOCKET: this.#socket,
      // the program is run by `node`, which need not be in PATH for this process to run
      PATH: [process.env.PATH, dirname(process.execPath)].filter(Boolean).join(delimiter),
      SSH_ASKPASS: this.#program,
      SSH_ASKPASS_REQUIRE: 'force',
    }
  }

  async close(): Promise<void> {
    this.#server.close()
    for (const client of this.#clients) client.destroy()
    await rm(this.#folder, {force: true, recursive: true})
    process.off('exit', this.#remove)
  }

  readonly #remove = () => rmSync(this.#folder, {force: true, recursive: true})

  get #socket(): string {
    return join(this.#folder, socketName)
  }

  #serve(socket: Socket): void {
    this.#clients.add(socket)
    const gone = new AbortController()
    let text = ''
    socket.on('error', () => {})
    socket.once('close', () => {
      this.#clients.delete(socket)
      gone.abort()
    })
    socket.setEncoding('utf8').on('data', (part: string) => {
      if (text.includes('\n')) return
      text += part
      if (text.length > mostQuestion) socket.destroy()
      // one question at a time
      else if (text.includes('\n'))
        this.#previous = this.#previous.then(() => this.#answer(socket, text.split('\n', 1)[0]!, gone.signal))
    })
  }

  async #answer(socket: Socket, line: string, gone: AbortSignal): Promise<void> {
    if (gone.aborted) return
    try {
      const {kind, text} = JSON.parse(line) as Question
      const lines = String(text)
        .split('\n')
        .map((each) => safeText(each))
      this.#onQuestion()
      const question = kind === 'none' ? undefined : (lines.pop() ?? '')
      for (const each of lines) if (each) this.#asker.notice(each)
      if (question === undefined) return
      const isChoice = /\(yes\/no/.test(question)
      const hint = kind === 'confirm' && !isChoice ? ' (yes/no)' : ''
      const answer = await this.#asker.ask(
        {hidden: !isChoice && kind !== 'confirm', text: question.replace(/[:?]$/, '') + hint},
        gone,
      )
      socket.end(`${answer}\n`)
    } catch {
      // the user has cancelled: ssh takes no answer for that
      socket.destroy()
    }
  }
}

/** Makes a folder that only this user can enter. @throws HostError */
async function privateFolder(): Promise<string> {
  const name = 'ovpn3-ssh-'
  const usual = tmpdir()
  const longest = Buffer.byteLength(join(usual, `${name}XXXXXX`, socketName))
  const parent = longest > mostPath ? '/tmp' : usual
  try {
    return await mkdtemp(join(parent, name))
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException
    throw new HostError(`cannot create a folder in ${parent}: ${code}`, 'Check TMPDIR')
  }
}
