import {type ChildProcess, fork} from 'node:child_process'
import path from 'node:path'

/** A request and its response have the same ID. */
interface Numbered {
  readonly id: number
}

/**
 * A process of another user that responds to requests: the bus and the file system accept only the real user ID of a
 * process. It starts with the first request, and again after it has exited. It exits with this process, even without
 * `close`.
 */
export class Forked<Asked extends Numbered, Answer extends Numbered> {
  #child?: ChildProcess
  #last = 0
  readonly #pending = new Map<number, (answer?: Answer) => void>()

  /**
   * @param script the name of a file beside this one, which calls `serve`
   * @param told receives messages that are not responses
   */
  constructor(
    private readonly script: string,
    private readonly args: readonly (number | string)[],
    private readonly told: (message: unknown) => void = () => {},
  ) {}

  /** Resolves to undefined if the process exits before it responds. */
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
    // The callback of `send` handles a failed send.
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

/**
 * In the forked process: switches to the user. Load modules first, because the user may not be allowed to read them.
 */
export function become(uid: number): void {
  if (process.getuid?.() !== 0 || uid === 0) return
  process.setgroups?.([])
  process.setgid?.(uid)
  process.setuid?.(uid)
}

/** In the forked process: responds to requests concurrently. */
export function serve<Asked extends Numbered, Answer extends Numbered>(
  answer: (asked: Asked) => Promise<Omit<Answer, 'id'>>,
): void {
  process.on('message', async (asked: Asked) => {
    const answered = await answer(asked)
    tell({...answered, id: asked.id})
  })
  process.on('disconnect', () => process.exit())
}

/** In the forked process: sends a message, unless the parent has disconnected. */
export function tell(message: object): void {
  if (process.connected) process.send!(message, undefined, {}, () => {})
}
