/** A raw D-Bus message; the library refuses to send many messages that another user can send. */
export interface WireMessage {
  /** 1 call, 2 return, 3 error, 4 signal. */
  readonly type: number
  readonly serial?: number
  readonly flags?: number
  readonly path?: string
  readonly interface?: string
  readonly member?: string
  readonly errorName?: string
  readonly replySerial?: number
  readonly destination?: string
  readonly sender?: string
  readonly signature?: string
  readonly body?: Buffer
  /** A false body length for the header. */
  readonly bodyLength?: number
}

/** The bytes of a message, in little-endian order. */
export function encode(message: WireMessage): Buffer {
  const {body = Buffer.alloc(0), bodyLength = body.length, flags = 0, serial = 1, type} = message
  const fields = [
    field(1, 'o', message.path),
    field(2, 's', message.interface),
    field(3, 's', message.member),
    field(4, 's', message.errorName),
    field(5, 'u', message.replySerial),
    field(6, 's', message.destination),
    field(7, 's', message.sender),
    field(8, 'g', message.signature),
  ].filter((each) => each !== undefined)
  // Each field starts at a multiple of 8; the length of the array excludes the padding after the last field.
  const padded = fields.map((each, index) => (index === fields.length - 1 ? each : aligned(each)))
  const array = Buffer.concat(padded)
  const header = Buffer.alloc(16)
  header.write('l', 0)
  header.writeUInt8(type, 1)
  header.writeUInt8(flags, 2)
  header.writeUInt8(1, 3)
  header.writeUInt32LE(bodyLength, 4)
  header.writeUInt32LE(serial, 8)
  header.writeUInt32LE(array.length, 12)
  return Buffer.concat([header, aligned(array), body])
}

/** The bytes of a string, preceded by its length. */
export function string(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`)
  return Buffer.concat([uint32(bytes.length - 1), bytes])
}

/** Several strings, each padded to a multiple of 4. */
export function strings(...texts: string[]): Buffer {
  return Buffer.concat(texts.map((text) => aligned(string(text), 4)))
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** A variant: its signature, padded to the alignment of the value's type, then the value. */
export function variant(signature: string, value: Buffer, alignment = 4): Buffer {
  return Buffer.concat([aligned(signatureOf(signature), alignment), value])
}

function signatureOf(signature: string): Buffer {
  return Buffer.concat([Buffer.of(signature.length), Buffer.from(`${signature}\0`)])
}

function field(code: number, type: string, value: number | string | undefined): Buffer | undefined {
  if (value === undefined) return undefined
  const bytes = typeof value === 'number' ? uint32(value) : type === 'g' ? signatureOf(value) : string(value)
  return Buffer.concat([Buffer.of(code), signatureOf(type), bytes])
}

function aligned(bytes: Buffer, to = 8): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((to - (bytes.length % to)) % to)])
}
