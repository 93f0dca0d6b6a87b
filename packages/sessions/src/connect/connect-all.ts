import {delayedSignal, unlessAborted} from '../abort'
import {isOvpn3Error} from '../errors'
import {type SessionResult} from '../result'
import {keyOf, type Session} from '../session'
import {act} from './act'
import {Attempt, type ConnectOptions, connectProperties} from './attempt'
import {begin, checkInput} from './begin'
import {discard, giveUp, unfollow} from './give-up'
import {provideInput} from './input'
import {type Interaction, type Task} from './interaction'
import {settle} from './settle'

/** Milliseconds after a timeout or an interruption within which every attempt ends. */
const giveUpTime = 1500
/** Milliseconds after which a snapshot is too old to act on. */
const maxSnapshotAge = 1000
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
 * Starts, authenticates, resumes or restarts sessions and waits for the connections as `wait` says. Prompts are shown for
 * one session after the other; the waits run concurrently. If several sessions need input, answers that are for one
 * session only are not used.
 */
export const connectAll = {properties: connectProperties, run: connectEach}

async function connectEach(
  sessions: readonly Session[],
  options: ConnectOptions,
  interaction: Interaction,
): Promise<SessionResult[]> {
  const {deadline} = options
  const {signal} = deadline
  const expired = delayedSignal(signal, giveUpTime)
  const created = performance.now()
  let claimant: Attempt | undefined
  const claim = (attempt: Attempt) => {
    if (!claimant && attempts.every((other) => other === attempt || !other.needsInput)) claimant = attempt
    return claimant === attempt
  }

  const attempts = sessions.map((session) => new Attempt(session, options, interaction, claim))
  const open = () => attempts.filter(({result}) => !result)
  /** Runs a part of an attempt. An abort ends the part at once, without a result. */
  const run = async (attempt: Attempt, part: () => Promise<SessionResult | undefined>) => {
    try {
      attempt.result = await unlessAborted(part(), signal)
    } catch (error) {
      if (!isOvpn3Error(error)) throw error
      if (!signal.aborted) attempt.result = attempt.failure(error)
    }
  }

  try {
    if (interaction.oneOnly && attempts.length > 1)
      await Promise.all(attempts.map((attempt) => run(attempt, () => checkInput(attempt))))
    // one after the other, because each can prompt the user
    for (const attempt of open()) {
      if (signal.aborted) break
      await run(attempt, () => begin(attempt, performance.now() - created > maxSnapshotAge))
    }

    if (options.wait === 'login') deadline.limit(loginTime)
    while (open().length > 0 && !signal.aborted) {
      const waiting = open()
      const round = new AbortController()
      await interaction.watch(waiting.map((attempt) => wait(attempt, round)))
      for (const attempt of waiting) if (attempt.need && !signal.aborted) await run(attempt, () => meetNeed(attempt))
    }

    await Promise.all(open().map((attempt) => end(attempt)))
    await Promise.all(attempts.map((attempt) => discard(attempt, expired)))
  } finally {
    await Promise.all(attempts.map((attempt) => unfollow(attempt, expired)))
  }

  return attempts.map(({result}) => result!)

  async function end(attempt: Attempt): Promise<void> {
    attempt.result = await giveUp(attempt, expired)
  }

  /** A wait until the session is connected, has failed, or needs the user. */
  function wait(attempt: Attempt, round: AbortController): Task<void> {
    return {
      key: keyOf(attempt.session),
      async run(progress) {
        await run(attempt, () => settle(attempt, round.signal, progress))
        if (signal.aborted && !attempt.result) await end(attempt)
        // prompts at once, unless answers are for one session only: then it must be known whether others need input too
        if (attempt.need && !interaction.oneOnly) round.abort()
        return {failure: attempt.result?.error?.message, value: undefined}
      },
      title: `${titles[options.action]} ${interaction.labelOf(attempt.session)}`,
    }
  }
}

/** Provides the input, or shows the URL, that the wait stopped for. */
async function meetNeed(attempt: Attempt): Promise<undefined> {
  const {interaction, need, session} = attempt
  attempt.need = undefined
  if (need !== 'input') {
    if (need) interaction.openUrl(session, need.url)
    return
  }

  // a client that requests input while it connects has ended and must be started again
  if (!(await provideInput(attempt))) return
  attempt.next.inputCheck = 0
  await act(attempt, 'connect')
}
