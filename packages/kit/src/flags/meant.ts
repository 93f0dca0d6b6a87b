import {safeText, shellWord} from '@ovpn3/sessions'
import {existsSync} from 'node:fs'

const device = /^(?:ovpn|tap|tun|utun)\d+$/
const sessionId = /^[\da-f]{8}(?:s[\da-f]{4}){3}s[\da-f]{12}$/
/** The beginning of an ID. A word of four letters, or a year, is more likely a name. */
const idPrefix = /^(?:[\da-f]{8}|(?=[a-f]*\d)(?=\d*[a-f])[\da-f]{4,7})$/

/** The option and the value that select a session by a word. */
export function selectorFor(word: string): readonly [option: string, value: string] {
  if (word.startsWith('/') || sessionId.test(word) || idPrefix.test(word)) return ['--path', word]
  return [mayBeDevice(word) ? '--interface' : '--config', word]
}

/** Whether a word is the usual name of a tunnel device, or the name of an interface of this machine. */
export const mayBeDevice = (word: string): boolean => device.test(word) || isInterface(word)

/** Suggests a command line, or a part of one. */
export function didYouMean(words: readonly string[]): string {
  return `Did you mean: ${words.map((word) => shellWord(safeText(word))).join(' ')}`
}

/** Whether this machine has a network interface of this name. */
function isInterface(name: string): boolean {
  return /^[\w.-]+$/.test(name) && !/^\.+$/.test(name) && existsSync(`/sys/class/net/${name}`)
}
