/**
 * What the shells call on Tab, as `ovpn3 --complete SHELL …`: prints the candidates, one a line, and nothing else
 * whatever happens. A program of its own, which loads as little as it can: every Tab is a start.
 */
import {writeSync} from 'node:fs'

import type {Candidate} from './completion/candidates'

import {complete} from './completion'
import {bashReplies, type BashRequest, bashWords} from './completion/bash'
import {installedCommands} from './completion/installed'
import {liveCandidates} from './completion/live'

let asks = 0

/** Whether the service was asked. */
export const asked = (): boolean => asks > 0

/** Milliseconds that live values may take, whatever is asked. */
const limit = 500

async function candidatesFor(root: string, words: readonly string[], current: string): Promise<Candidate[]> {
  const timeIsUp = new Promise<void>((resolve) => {
    setTimeout(resolve, limit)
  })
  return complete(installedCommands(root), words, current, (query) => {
    asks++
    return liveCandidates(query, timeIsUp)
  })
}

async function reply(root: string, [shell, ...args]: readonly string[]): Promise<string[]> {
  if (shell === 'bash') {
    const [type, columns, line = '', point, replaced = '', ...words] = args
    const request: BashRequest = {
      columns: Number(columns),
      line: line.slice(0, Number(point)),
      replaced,
      type: Number(type),
      words,
    }
    const [, ...typed] = bashWords(request)
    return bashReplies(request, await candidatesFor(root, typed.slice(0, -1), typed.at(-1) ?? ''))
  }

  const [current = '', ...words] = args
  const candidates = await candidatesFor(root, words, current)
  return candidates.map(({description, value}) => `${value}\t${description ?? ''}`)
}

/** Answers the command line of this process. @param root the folder of the CLI's package */
export async function start(root: string): Promise<void> {
  try {
    const lines = await reply(root, process.argv.slice(3))
    writeSync(1, lines.map((line) => `${line}\n`).join(''))
  } catch (error) {
    // there is nobody to tell: the person is in the middle of a line
    if (process.env.DEBUG) console.error(error)
  }

  // what has not answered by now is not waited for
  // eslint-disable-next-line n/no-process-exit, unicorn/no-process-exit
  process.exit(0)
}
