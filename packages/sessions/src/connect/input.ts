import {proceed, sleep, unlessAborted} from '../abort'
import {hasCode, type Ovpn3Error} from '../errors'
import {type InputRequest} from '../session'
import {type Attempt} from './attempt'

/** Milliseconds between two checks for missing input. */
const pause = 1000

/**
 * Provides the input that the session needs. No answer is sent before all are available, so an end of input changes
 * nothing. True if input was missing.
 */
export async function provideInput(attempt: Attempt): Promise<boolean> {
  const {session, signal} = attempt
  let needed = false
  while (!(await session.ready())) {
    // another client is answering, or the service has come to need more
    if (needed) await sleep(pause, signal)
    const requests = await session.inputRequests()
    // it waits for something else, such as web authentication
    if (requests.length === 0) break
    needed = true
    attempt.needsInput = true
    await send(attempt, requests, await ask(attempt, requests))
  }

  return needed
}

async function ask(attempt: Attempt, requests: readonly InputRequest[]): Promise<string[]> {
  const {
    interaction,
    options: {deadline},
    session,
    signal,
  } = attempt
  try {
    const answers = interaction.answer(session, requests, {claim: () => attempt.claim(attempt), deadline})
    return await unlessAborted(answers, signal)
  } catch (error) {
    // Ctrl-C at a prompt is a key, and no signal
    if (hasCode(error, 'interrupted')) deadline.abort(error as Ovpn3Error)
    throw error
  }
}

/** Sends the answers, up to the first request that another client has answered; the caller reads the remaining requests again. */
async function send(attempt: Attempt, requests: readonly InputRequest[], answers: readonly string[]): Promise<void> {
  const {session, signal} = attempt
  for (const [index, request] of requests.entries()) {
    proceed(signal)
    if (attempt.sent === 'nothing') attempt.sent = 'input'
    if (!(await session.provideInput(request, answers[index]!))) {
      // the other client is about to connect: a second Connect would kill the session
      await sleep(pause, signal)
      return
    }

    attempt.changed = true
  }
}
