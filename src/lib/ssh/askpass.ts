import {safeText} from '@ovpn3/sessions'
import {mkdtemp, rm} from 'node:fs/promises'
import {createServer, type Server, type Socket} from 'node:net'
import {tmpdir} from 'node:os'
import {delimiter, dirname, join} from 'node:path'

/** Asks the user on the terminal. */
export interface Asker {
  ask(question: {readonly hidden: boolean; readonly text: string}): Promise<string>
  /** Prints a line for the user. */
  notice(text: string): void
}

/** Bytes of a question at most. */
const mostQuestion = 8192

/**
 * Lets ssh ask the user through this process: for a password, a passphrase, or whether a host key is right. ssh itself
 * has no terminal, so that a Ctrl-C there does not end the connection.
 */
export class Askpass {
  readonly #asker: Asker
  readonly #folder: string
  #previous: Promise<unknown> = Promise.resolve()
  readonly #program: string
  readonly #server: Server

  private constructor(asker: Asker, program: string, folder: string) {
    this.#asker = asker
    this.#folder = folder
    this.#program = program
    this.#server = createServer({allowHalfOpen: true}, (socket) => this.#serve(socket))
  }

  /** @param program bin/askpass.js */
  static async listen(asker: Asker, program: string): Promise<Askpass> {
    // only this user can enter the folder, and so connect
    const askpass = new Askpass(asker, program, await mkdtemp(join(tmpdir(), 'ovpn3-ssh-')))
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
      // the program is run by the node that is found first
      PATH: [dirname(process.execPath), process.env.PATH].filter(Boolean).join(delimiter),
      SSH_ASKPASS: this.#program,
      SSH_ASKPASS_REQUIRE: 'force',
    }
  }

  async close(): Promise<void> {
    this.#server.close()
    await rm(this.#folder, {force: true, recursive: true})
  }

  get #socket(): string {
    return join(this.#folder, 'askpass')
  }

  #serve(socket: Socket): void {
    let text = ''
    socket.on('error', () => {})
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (text.length > mostQuestion) socket.destroy()
    })
    socket.on('end', () => {
      // one question at a time
      this.#previous = this.#previous.then(() => this.#answer(socket, text))
    })
  }

  async #answer(socket: Socket, text: string): Promise<void> {
    try {
      const prompt = String(JSON.parse(text))
      const lines = prompt.split('\n').map((line) => safeText(line))
      const question = lines.pop() ?? ''
      for (const line of lines) if (line) this.#asker.notice(line)
      const answer = await this.#asker.ask({hidden: !/\(yes\/no/.test(question), text: question.replace(/[:?]$/, '')})
      socket.end(`${answer}\n`)
    } catch {
      // the user has cancelled: ssh takes no answer for that
      socket.destroy()
    }
  }
}
