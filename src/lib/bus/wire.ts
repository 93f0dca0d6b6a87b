/** The fields of a message header that decide whether the message is wanted. */
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

/** Splits a byte stream into messages. Drops unwanted messages by their header, without buffering their bodies. */
export class MessageSplitter {
  readonly #isWanted: (head: Head) => boolean
  /** The bytes of the next message that have arrived. */
  #parts: Buffer[] = []
  #length = 0
  /** The number of bytes of that message that the next step of parsing needs. */
  #needed = fixedLength
  /** The number of bytes of a dropped message that have not arrived. */
  #skip = 0

  constructor(isWanted: (head: Head) => boolean) {
    this.#isWanted = isWanted
  }

  /**
   * Takes the next bytes and yields the messages that they complete.
   * @throws Error if the bytes are not a message, because the start of the next message is then unknown
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
      if (this.#isWanted(head)) {
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

/** The fields of a header, up to the first invalid one. */
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
