import {readProfile} from '@ovpn3/plugin-session-start'
import {Interruption, isOvpn3Error, type Ovpn3Error} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {execFileSync} from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import {writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, before, beforeEach, describe, it} from 'node:test'

const KiB = 1024
const secret = 'n0body-may-read-this'

describe('a profile file', () => {
  let folder: string
  const at = (name: string) => path.join(folder, name)
  const write = (name: string, content: Buffer | string) => {
    mkdirSync(path.dirname(at(name)), {recursive: true})
    writeFileSync(at(name), content)
    return at(name)
  }

  const contentOf = async (text: Buffer | string) => {
    const {content} = await readProfile(write('office.ovpn', text))
    return content
  }

  const error = async (file: string, signal?: AbortSignal): Promise<Ovpn3Error> => {
    try {
      await readProfile(file, signal)
    } catch (error) {
      assert.ok(isOvpn3Error(error), String(error))
      assert.doesNotMatch(`${error.message} ${error.hint}`, new RegExp(secret))
      return error
    }

    assert.fail('no error')
  }

  /** The problems of a profile, by line. */
  const problems = async (text: string): Promise<string[]> => {
    const {code, hint, message} = await error(write('office.ovpn', text))
    assert.equal(code, 'usage')
    assert.equal(hint, `Correct the profile; relative paths start at ${folder}`)
    const start = `cannot use profile ${at('office.ovpn')}:`
    assert.ok(message.startsWith(start), message)
    // a single problem is on the line of the message, several have a line each
    const [first, ...lines] = message.slice(start.length).split('\n')
    return lines.length > 0 ? lines : [first!.trimStart()]
  }

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-profile-'))
    chmodSync(folder, 0o755)
  })
  beforeEach(() => {
    write('ca.crt', 'CA\n')
    write('keys/tls.key', 'TLS')
  })
  after(() => rmSync(folder, {force: true, recursive: true}))

  const same: Readonly<Record<string, string>> = {
    'a comment about a file': '#ca ca.crt\n ; ca ca.crt\nca # ca.crt\n',
    'a directive that only begins like one': 'ca-path x\ncert-profile y\n',
    'a directive without its file': 'auth-user-pass\nca\n',
    'a file in a block': '<connection>\nca ca.crt\n</connection>\n',
    'a file that cannot be inlined': 'pkcs12 missing.p12\nup missing.sh\n',
    'a block, and what looks like its end': '<ca>\n <ca>\n </ca>\n</cert>\nca missing\n</ca>\n',
    'a proxy without a file': 'http-proxy host 80\nhttp-proxy host 80 auto-nct\nhttp-proxy host 80 none basic\n',
    'an empty line, and spaces': '\n  \n\tremote  x\t1194 \n',
    nothing: '',
  }
  for (const [what, text] of Object.entries(same))
    it(`${what}: is kept`, async () => assert.equal(await contentOf(text), text))

  const inlined: Readonly<Record<string, readonly [text: Buffer | string, content: string]>> = {
    'a byte order mark': ['\uFEFFdev tun\n', 'dev tun\n'],
    'a byte order mark of a file': ['ca bom', '<ca>\nBOM\n</ca>\n'],
    'a comment behind the file': ['ca ca.crt# of the office', '<ca>\nCA\n</ca>\n'],
    'a comment of the other kind': ['ca ca.crt;x', '<ca>\nCA\n</ca>\n'],
    'a direction': ['tls-auth keys/tls.key 1', 'key-direction 1\n<tls-auth>\nTLS\n</tls-auth>\n'],
    'a file in between': ['dev tun\nca ca.crt\nnobind\n', 'dev tun\n<ca>\nCA\n</ca>\nnobind\n'],
    'a file in quotes': [String.raw`ca "a b\"c" 'x y'`, '<ca>\nQUOTED\n</ca>\n'],
    'a file in single quotes': [String.raw`ca 'a b\"c'`, '<ca>\nQUOTED\n</ca>\n'],
    'a space behind a backslash': [String.raw`ca ca.crt\ x`, '<ca>\nCA\n</ca>\n'],
    'an empty file': ['ca empty', '<ca>\n\n</ca>\n'],
    'carriage returns': ['dev tun\r\n<ca>\r\nCA\r\n</ca>\r\nnobind\r\r', 'dev tun\n<ca>\nCA\n</ca>\nnobind\n'],
    'carriage returns of a file': ['ca dos', '<ca>\nDOS\r\n</ca>\n'],
    'no direction': ['tls-auth keys/tls.key', 'key-direction bidirectional\n<tls-auth>\nTLS\n</tls-auth>\n'],
    'no line feed at the end': ['dev tun', 'dev tun\n'],
    'no direction for another': ['tls-crypt keys/tls.key 1', '<tls-crypt>\nTLS\n</tls-crypt>\n'],
    tabs: ['\tca\t\tca.crt\t', '<ca>\nCA\n</ca>\n'],
    'the credentials of a proxy': [
      String.raw`http-proxy "ho st" "8\\0" ca.crt basic`,
      `http-proxy "ho st" 8\\\\0 auto basic\n<http-proxy-user-pass>\nCA\n</http-proxy-user-pass>\n`,
    ],
    'the longest line': [`#${'x'.repeat(510)}\n`, `#${'x'.repeat(510)}\n`],
  }
  for (const [what, [text, content]] of Object.entries(inlined))
    it(`${what}: is read like openvpn3 does`, async () => {
      write('a b"c', 'QUOTED')
      write('bom', '\uFEFFBOM')
      write('dos', 'DOS\r\n')
      write('empty', '')
      assert.equal(await contentOf(text), content)
    })

  for (const directive of [
    'auth-user-pass',
    'ca',
    'cert',
    'crl-verify',
    'dh',
    'extra-certs',
    'key',
    'relay-extra-ca',
    'static-key',
    'tls-crypt',
    'tls-crypt-v2',
  ])
    it(`${directive}: is inlined`, async () =>
      assert.equal(await contentOf(`${directive} ca.crt`), `<${directive}>\nCA\n</${directive}>\n`))

  it('resolves a relative path from the directory of the profile', async () => {
    const file = write('sub/office.ovpn', `ca ${at('ca.crt')}\ncert ../ca.crt\nkey x.key\n`)
    write('sub/x.key', 'KEY')
    const {content, name} = await readProfile(path.relative(process.cwd(), file))
    assert.equal(content, '<ca>\nCA\n</ca>\n<cert>\nCA\n</cert>\n<key>\nKEY\n</key>\n')
    assert.equal(name, path.relative(process.cwd(), file))
  })

  it('recognizes persist-tun as a directive, not in a comment, a block or a value', async () => {
    for (const [text, expected] of [
      ['dev tun\n persist-tun # please', true],
      ['persist-tun\nca ca.crt', true],
      ['# persist-tun\nsetenv persist-tun 1\n<ca>\npersist-tun\n</ca>\n', false],
      ['ca persist-tun', false],
    ] as const) {
      write('persist-tun', 'persist-tun\n')
      const {persistTun} = await readProfile(write('office.ovpn', text))
      assert.equal(persistTun, expected, text)
    }
  })

  it('reports every line with a problem, with the reason', async () => {
    write('binary', `\0${secret}`)
    write('breakout', `x\n</ca>${secret}\n`)
    write('latin1', Buffer.from('\u00E9', 'latin1'))
    write('long', `${secret}\n${'x'.repeat(512)}\n`)
    assert.deepEqual(
      await problems(
        [
          'ca missing.crt',
          'cert keys # a folder',
          'key ca.crt/x',
          'dh ""',
          `extra-certs ${'x'.repeat(257)}`,
          `#${'x'.repeat(511)}`,
          'crl-verify ca.crt',
          'ca binary',
          'ca breakout',
          'ca latin1',
          'ca long',
          'ca /dev/null',
          `tls-auth ca.crt ${'1'.repeat(17)}`,
          'http-proxy host 80 missing.txt',
          'http-proxy host 80 ""',
        ].join('\n'),
      ),
      [
        'line 1: missing.crt: no such file or directory',
        'line 2: keys: is a directory',
        'line 3: ca.crt/x: not a directory',
        'line 4: dh: no file name',
        'line 5: extra-certs: invalid file name',
        'line 6: longer than 511 bytes',
        'line 8: binary: contains NUL bytes',
        'line 9: breakout: contains </ca> at the start of a line',
        'line 10: latin1: not UTF-8 text',
        'line 11: long: line 2 of the file is longer than 511 bytes',
        'line 12: /dev/null: not a regular file',
        'line 13: tls-auth: invalid key direction',
        'line 14: missing.txt: no such file or directory',
        'line 15: http-proxy: no file name',
      ],
    )
  })

  it('reports the first 20 of many problems, and the number of the others', async () => {
    const found = await problems('ca x\n'.repeat(23))
    assert.deepEqual(found.slice(19), ['line 20: x: no such file or directory', 'and 3 more'])
  })

  it('measures a line in bytes', async () => {
    assert.deepEqual(await problems(`#${'é'.repeat(256)}`), ['line 1: longer than 511 bytes'])
  })

  it('names a file that it may not read', async () => {
    chmodSync(write('secret.key', secret), 0)
    write('office.ovpn', 'key secret.key\n')
    const root = process.geteuid!() === 0
    if (root) process.seteuid!(65_534)
    try {
      const {message} = await error(at('office.ovpn'))
      assert.match(message, /: line 1: secret\.key: permission denied$/)
    } finally {
      if (root) process.seteuid!(0)
    }
  })

  it('may have 256 KiB together with its files', async () => {
    const line = `#${'x'.repeat(510)}\n`
    write('half', line.repeat(256))
    const rest = 'ca half\n'
    const text = rest + line.repeat(255) + '#'.repeat(511 - rest.length) + '\n'
    assert.equal(text.length, 128 * KiB)
    assert.equal((await contentOf(text)).length, 256 * KiB + '<ca>\n</ca>\n'.length - rest.length)
    assert.deepEqual(await problems(`${text}#\nca missing`), ['line 1: half: makes the profile larger than 256 KiB'])
    assert.deepEqual(await problems('ca missing\nca half\nca half\nca half\nca missing\n'), [
      'line 1: missing: no such file or directory',
      'line 3: half: makes the profile larger than 256 KiB',
    ])
    write('half', line.repeat(513))
    assert.deepEqual(await problems('ca half\nca missing\n'), [
      'line 1: half: larger than 256 KiB',
      'line 2: missing: no such file or directory',
    ])
    const {hint, message} = await error(at('half'))
    assert.equal(message, `cannot read profile ${at('half')}: larger than 256 KiB`)
    assert.equal(hint, 'Pass a readable text file of at most 256 KiB')
  })

  for (const [what, name, problem] of [
    ['missing', 'nowhere.ovpn', 'no such file or directory'],
    ['a folder', 'keys', 'is a directory'],
    ['a device without end', '/dev/zero', 'not a regular file'],
    ['binary', 'binary', 'contains NUL bytes'],
    ['not UTF-8', 'latin1', 'not UTF-8 text'],
    ['without a name', '', 'no such file or directory'],
  ])
    it(`that is ${what} is a usage error`, async () => {
      write('binary', '\0')
      write('latin1', Buffer.from('\u00E9', 'latin1'))
      const file = name!.startsWith('/') || name === '' ? name! : at(name!)
      const {code, message} = await error(file)
      assert.deepEqual([code, message], ['usage', `cannot read profile ${file}: ${problem}`])
    })

  describe('and a pipe', () => {
    let fifo: string
    let reader: number
    const fd = () => `/dev/fd/${reader}`

    before(() => {
      fifo = at('fifo')
      execFileSync('mkfifo', [fifo])
    })
    beforeEach(() => {
      reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
    })

    /** Held open, it never ends. */
    const withWriter = async (work: (writer: number) => Promise<void>) => {
      const writer = openSync(fifo, 'w')
      try {
        await work(writer)
      } finally {
        closeSync(writer)
        closeSync(reader)
      }
    }

    it('refuses a named pipe at once, as a profile and in a profile', () =>
      withWriter(async () => {
        assert.equal((await error(fifo)).message, `cannot read profile ${fifo}: not a regular file`)
        assert.deepEqual(await problems(`ca fifo\ncert ${fd()}\n`), [
          'line 1: fifo: not a regular file',
          `line 2: ${fd()}: not a regular file`,
        ])
      }))

    it('reads an open pipe to its end, and finds files in the working directory', async () => {
      const writer = openSync(fifo, 'w')
      writeSync(writer, `ca ${path.relative(process.cwd(), at('ca.crt'))}\npersist-tun`)
      closeSync(writer)
      assert.deepEqual(await readProfile(fd()), {
        name: fd(),
        content: '<ca>\nCA\n</ca>\npersist-tun\n',
        persistTun: true,
      })
      closeSync(reader)
    })

    it('reads an endless pipe until an interruption', () =>
      withWriter(async (writer) => {
        writeSync(writer, 'dev tun\n')
        const interruption = new Interruption()
        const controller = new AbortController()
        const reading = error(fd(), controller.signal)
        setImmediate(() => controller.abort(interruption))
        assert.equal(await reading, interruption)
      }))

    it('reads nothing after an interruption', async () => {
      const interruption = new Interruption()
      assert.equal(await error(at('ca.crt'), AbortSignal.abort(interruption)), interruption)
      closeSync(reader)
    })

    it('stops reading a pipe that exceeds the limit', async () => {
      const writing = writeFile(fifo, '#'.repeat(1024 * KiB))
      const {message} = await error(fd())
      assert.equal(message, `cannot read profile ${fd()}: larger than 256 KiB`)
      closeSync(reader)
      await assert.rejects(writing, {code: 'EPIPE'})
    })
  })
})
