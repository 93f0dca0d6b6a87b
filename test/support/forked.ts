import {type ChildProcess, fork} from 'node:child_process'
import path from 'node:path'

/** What is asked of such a process, and what it answers, have the same number. */
interface Numbered {
  readonly id: number
}

/**
 * A process of another user that answers what it is asked: the bus, and the file system, believe only the real uid of a
 * process. It starts when it is first asked, and again after it has ended; it ends with this process, which need not
 * close it.
 */
export class Forked<Asked extends Numbered, Answer extends Numbered> {
  #child?: ChildProcess
  #last = 0
  readonly #pending = new Map<number, (answer?: Answer) => void>()

  /**
   * @param script the name of a file beside this one, which calls `serve`
   * @param told gets what it says without being asked
   */
  constructor(
    private readonly script: string,
    private readonly args: readonly (number | string)[],
    private readonly told: (message: unknown) => void = () => {},
  ) {}

  /** Undefined where the process ends before it answers. */
  async ask(asked: Omit<Asked, 'id'>): Promise<Answer | undefined> {
    const id = ++this.#last
    const child = this.start()
    const answer = await new Promise<Answer | void>((resolve) => {
      this.#pending.set(id, resolve)
      child.ref()
      child.channel?.ref()
      child.send({id, ...asked}, (error) => {
        if (error) resolve()
      })
    })
    this.#pending.delete(id)
    if (this.#pending.size === 0) {
      child.unref()
      child.channel?.unref()
    }

    return answer ?? undefined
  }

  start(): ChildProcess {
    if (this.#child) return this.#child
    const child = fork(path.join(__dirname, `${this.script}.js`), this.args.map(String), {
      env: {PATH: process.env.PATH, NODE_PATH: process.env.NODE_PATH},
      execArgv: [],
      serialization: 'advanced',
    })
    child.unref()
    child.channel?.unref()
    child.on('message', (message: Answer | object) => {
      if ('id' in message) this.#pending.get(message.id)?.(message)
      else this.told(message)
    })
    // what it cannot be sent is answered where it was sent
    child.on('error', () => {})
    child.on('exit', () => {
      if (this.#child === child) this.#child = undefined
      for (const settle of this.#pending.values()) settle()
    })
    this.#child = child
    return child
  }

  close(): void {
    if (this.#child?.connected) this.#child.disconnect()
    this.#child = undefined
  }
}

/** In the process itself: becomes the user, who may not be allowed to read what is loaded until then. */
export function become(uid: number): void {
  if (process.getuid?.() !== 0 || uid === 0) return
  process.setgroups?.([])
  process.setgid?.(uid)
  process.setuid?.(uid)
}

/** In the process itself: answers, one question beside the other. */
export function serve<Asked extends Numbered, Answer extends Numbered>(
  answer: (asked: Asked) => Promise<Omit<Answer, 'id'>>,
): void {
  process.on('message', async (asked: Asked) => {
    const answered = await answer(asked)
    tell({...answered, id: asked.id})
  })
  process.on('disconnect', () => process.exit())
}

/** In the process itself: says something. Nobody may be there any more to hear it. */
export function tell(message: object): void {
  if (process.connected) process.send!(message, undefined, {}, () => {})
}
