/** The header of a message: what it is, and where it comes from. */
export interface Head {
  readonly type: number
  readonly interface?: string
  readonly member?: string
  readonly path?: string
  readonly replySerial?: number
  readonly sender?: string
}

export interface WireMessage {
  readonly bytes: Buffer
  readonly head: Head
}

const fixedLength = 16
const littleEndian = 0x6c
const bigEndian = 0x42
// the D-Bus specification, "Message Format"
const maxFieldsLength = 2 ** 26
const maxLength = 2 ** 27

const replySerial = 5
const texts = {1: 'path', 2: 'interface', 3: 'member', 7: 'sender'} as const

/** Cuts a stream of bytes into messages. Unwanted ones are dropped by their header: their bodies are never held. */
export class MessageCutter {
  readonly #wanted: (head: Head) => boolean
  /** What the next message consists of so far. */
  #parts: Buffer[] = []
  #length = 0
  /** Bytes of that message that must be there before anything more can be said about it. */
  #needed = fixedLength
  /** Bytes still to come of a message that is dropped. */
  #skip = 0

  constructor(wanted: (head: Head) => boolean) {
    this.#wanted = wanted
  }

  /**
   * The messages that are complete with these bytes.
   * @throws Error where the bytes cannot be a message: nobody can say where the next one begins
   */
  *push(chunk: Buffer): Generator<WireMessage> {
    let rest = chunk.subarray(this.#skip)
    this.#skip -= chunk.length - rest.length
    this.#parts.push(rest)
    this.#length += rest.length
    if (this.#length < this.#needed) return
    if (this.#parts.length > 1) rest = Buffer.concat(this.#parts)
    for (;;) {
      this.#needed = fixedLength
      if (rest.length < this.#needed) break
      const {length, headLength} = lengthsOf(rest)
      this.#needed = headLength
      if (rest.length < this.#needed) break
      const head = readHead(rest.subarray(0, headLength))
      if (this.#wanted(head)) {
        this.#needed = length
        if (rest.length < this.#needed) break
        yield {bytes: rest.subarray(0, length), head}
      } else {
        this.#skip = Math.max(0, length - rest.length)
      }

      rest = rest.subarray(length)
    }

    this.#parts = rest.length > 0 ? [rest] : []
    this.#length = rest.length
  }
}

function lengthsOf(bytes: Buffer): {readonly headLength: number; readonly length: number} {
  const [order, type, , version] = bytes
  const fieldsLength = uint32(bytes, 12)
  const headLength = aligned(fixedLength + fieldsLength)
  const length = headLength + uint32(bytes, 4)
  const isMessage = (order === littleEndian || order === bigEndian) && type !== 0 && version === 1
  if (!isMessage || fieldsLength > maxFieldsLength || length > maxLength) throw new Error('not a D-Bus message')
  return {headLength, length}
}

/** What a header says; of one that makes no sense, what it says up to there. */
function readHead(bytes: Buffer): Head {
  const head: {-readonly [Name in keyof Head]: Head[Name]} = {type: bytes[1]!}
  const end = fixedLength + uint32(bytes, 12)
  let at = fixedLength
  // the shortest field: its code, a signature of one letter, and an empty signature
  while (at + 6 <= end) {
    const code = bytes[at]!
    const type = String.fromCodePoint(bytes[at + 2]!)
    at += 4
    if (type === 'g') {
      at += 2 + bytes[at]!
    } else if (at + 4 > end) {
      break
    } else if (type === 'u') {
      if (code === replySerial) head.replySerial = uint32(bytes, at)
      at += 4
    } else if (type === 's' || type === 'o') {
      const start = at + 4
      at = start + uint32(bytes, at) + 1
      if (code in texts) head[texts[code as keyof typeof texts]] = bytes.toString('utf8', start, at - 1)
    } else {
      break
    }

    at = aligned(at)
  }

  return head
}

function uint32(bytes: Buffer, at: number): number {
  return bytes[0] === bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)
}

function aligned(length: number): number {
  return Math.ceil(length / 8) * 8
}
