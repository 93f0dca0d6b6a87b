import {delayedSignal, unlessAborted} from '../abort'
import {isOvpn3Error} from '../errors'
import {type SessionResult} from '../result'
import {keyOf, type Session} from '../session'
import {act} from './act'
import {Attempt, type ConnectOptions, connectProperties} from './attempt'
import {begin, survey} from './begin'
import {discard, giveUp, unfollow} from './give-up'
import {provideInput} from './input'
import {type Interaction, type Task} from './interaction'
import {settle} from './settle'

/** Milliseconds after the deadline, or an interruption, within which all is over. */
const farewell = 1500
/** Milliseconds for which what was read of a session is good enough to act on. */
const snapshotAge = 1000
/** Seconds to wait for the outcome of a login. */
const loginTime = 30

const titles = {
  authenticate: 'Connecting',
  keep: 'Connecting',
  restart: 'Restarting',
  resume: 'Resuming',
  start: 'Connecting',
} as const

/**
 * Starts, authenticates, resumes or restarts sessions and, where asked for, waits until they are connected. The user is
 * asked for what they need, one session after the other; the waiting is done side by side. Answers that are for one
 * session only are used for none where several ask.
 */
export const connectAll = {properties: connectProperties, run: connectEach}

async function connectEach(
  sessions: readonly Session[],
  options: ConnectOptions,
  interaction: Interaction,
): Promise<SessionResult[]> {
  const {deadline} = options
  const {signal} = deadline
  const over = delayedSignal(signal, farewell)
  const created = performance.now()
  let answered: Attempt | undefined
  const claim = (attempt: Attempt) => {
    if (!answered && attempts.every((other) => other === attempt || !other.asks)) answered = attempt
    return answered === attempt
  }

  const attempts = sessions.map((session) => new Attempt(session, options, interaction, claim))
  const open = () => attempts.filter(({result}) => !result)
  /** Runs a part of an attempt. An abort ends it at once, and leaves the attempt open. */
  const run = async (attempt: Attempt, part: () => Promise<SessionResult | undefined>) => {
    try {
      attempt.result = await unlessAborted(part(), signal)
    } catch (error) {
      if (!isOvpn3Error(error)) throw error
      if (!signal.aborted) attempt.result = attempt.failed(error)
    }
  }

  try {
    if (interaction.oneOnly && attempts.length > 1)
      await Promise.all(attempts.map((attempt) => run(attempt, () => survey(attempt))))
    // in turn: one person answers for all of them
    for (const attempt of open()) {
      if (signal.aborted) break
      await run(attempt, () => begin(attempt, performance.now() - created > snapshotAge))
    }

    if (options.wait === 'login') deadline.limit(loginTime)
    while (open().length > 0 && !signal.aborted) {
      const waiting = open()
      const round = new AbortController()
      await interaction.watch(waiting.map((attempt) => wait(attempt, round)))
      for (const attempt of waiting) if (attempt.need && !signal.aborted) await run(attempt, () => attend(attempt))
    }

    await Promise.all(open().map((attempt) => end(attempt)))
    await Promise.all(attempts.map((attempt) => discard(attempt, over)))
  } finally {
    await Promise.all(attempts.map((attempt) => unfollow(attempt, over)))
  }

  return attempts.map(({result}) => result!)

  async function end(attempt: Attempt): Promise<void> {
    attempt.result = await giveUp(attempt, over)
  }

  /** A wait until the session is connected, has failed, or needs the user. */
  function wait(attempt: Attempt, round: AbortController): Task<void> {
    return {
      key: keyOf(attempt.session),
      async run(progress) {
        await run(attempt, () => settle(attempt, round.signal, progress))
        if (signal.aborted && !attempt.result) await end(attempt)
        // a person need not wait for the other sessions to be asked; where answers are for one only, all have to be known that ask
        if (attempt.need && !interaction.oneOnly) round.abort()
        return {failure: attempt.result?.error?.message, value: undefined}
      },
      title: `${titles[options.action]} ${interaction.labelOf(attempt.session)}`,
    }
  }
}

/** Lets the user do what the wait was left for. */
async function attend(attempt: Attempt): Promise<undefined> {
  const {interaction, need, session} = attempt
  attempt.need = undefined
  if (need !== 'input') {
    if (need) interaction.openUrl(session, need.url)
    return
  }

  // a client that asks while it connects has ended and has to be started again
  if (!(await provideInput(attempt))) return
  attempt.next.ask = 0
  await act(attempt, 'connect')
}
