import {Interruption, type Ovpn3Error} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {execFileSync} from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import {writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {readCredentials, readSystemCredentials} from '../../../packages/kit/dist/credentials/file'

const {signal} = new AbortController()
const values = (credentials: {readonly values: ReadonlyMap<string, string>} | undefined) =>
  credentials && Object.fromEntries(credentials.values)
const alice = {password: 'hunter2', username: 'alice'}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-credentials-'))
})
afterEach(() => rmSync(folder, {recursive: true}))

/** Writes a file with the given name, mode and text. */
function put(name: string, mode = 0o600, text = 'alice\nhunter2\n'): string {
  const file = path.join(folder, name)
  writeFileSync(file, text)
  chmodSync(file, mode)
  return file
}

/** Asserts that the work is refused with an error that quotes nothing of the content. */
const refuses = (work: Promise<unknown>, code: string, message: RegExp, hint?: RegExp) =>
  assert.rejects(work, (error: Ovpn3Error) => {
    assert.equal(error.code, code, error.stack)
    assert.match(error.message, message)
    if (hint) assert.match(error.hint ?? '', hint)
    assert.doesNotMatch(`${error.stack}${error.hint}`, /hunter2/)
    return true
  })

describe('--credentials', () => {
  it('reads a file of the caller', async () => {
    const file = put('office')
    const credentials = await readCredentials(file, signal)
    assert.deepEqual(values(credentials), alice)
    assert.deepEqual([credentials?.from, credentials?.usedStdin], [file, false])
    assert.equal(await readCredentials(undefined, signal), undefined)
    assert.deepEqual(values(await readCredentials(put('read-only', 0o400), signal)), alice)
  })

  it('reads a pipe whose writer has closed it already', async () => {
    const pipe = path.join(folder, 'pipe')
    execFileSync('mkfifo', ['-m', '600', pipe])

    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      writeFileSync(pipe, 'alice\nhunter2\n')
      assert.deepEqual(values(await readCredentials(`/dev/fd/${reader}`, signal)), alice)
    } finally {
      closeSync(reader)
    }
  })

  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610])
    it(`refuses a file that other users can access: ${mode.toString(8)}`, async () => {
      const file = put("bob's", mode)
      await refuses(
        readCredentials(file, signal),
        'input-missing',
        /bob's: other users can read or write it$/,
        /^Run `chmod 600 '.*bob'\\''s'`$/,
      )
    })

  it('refuses a file of another user', {skip: process.getuid!() !== 0 && 'requires root'}, async () => {
    const file = put('office')
    chownSync(file, 6002, 6002)
    await refuses(readCredentials(file, signal), 'input-missing', /belongs to another user$/)
  })

  it('refuses missing, empty, oversized and malformed files', async () => {
    await refuses(
      readCredentials(path.join(folder, 'nosuch'), signal),
      'usage',
      /from .*nosuch: no such file$/,
      /^Create the file/,
    )
    await refuses(readCredentials('a\0b', signal), 'usage', /no such file/)
    await refuses(readCredentials(folder, signal), 'usage', /not a file$/)
    await refuses(readCredentials('/dev/null', signal), 'usage', /^cannot read credentials from \/dev\/null: empty$/)
    await refuses(readCredentials('/dev/zero', signal), 'usage', /larger than 64 KiB$/)
    await refuses(
      readCredentials(put('json', 0o600, '{"password": "hunter2'), signal),
      'usage',
      /json: not valid JSON$/,
    )
  })

  it('accepts up to 64 KiB', async () => {
    const text = `alice\n${'x'.repeat(64 * 1024 - 6)}`
    assert.equal((await readCredentials(put('full', 0o600, text), signal))?.values.get('password')?.length, 65_530)
    await refuses(readCredentials(put('over', 0o600, `${text}x`), signal), 'usage', /larger than 64 KiB$/)
  })

  describe('with a pipe', () => {
    const pipe = () => {
      const file = path.join(folder, 'pipe')
      execFileSync('mkfifo', ['-m', '600', file])
      return file
    }

    it('waits for a writer and reads to the end', async () => {
      const file = pipe()
      const reading = readCredentials(file, signal)
      await writeFile(file, 'alice\n')
      assert.deepEqual(values(await reading), {username: 'alice'})
    })

    it('refuses an endless pipe', async () => {
      const file = pipe()
      const reading = refuses(readCredentials(file, signal), 'usage', /larger than 64 KiB$/)
      // The reader closes the pipe early.
      await writeFile(file, Buffer.alloc(10_000_000)).catch(() => {})
      await reading
    })

    it('stops waiting for a writer when the signal aborts', async () => {
      const abort = new AbortController()
      const reading = readCredentials(pipe(), abort.signal)
      abort.abort(new Interruption())
      await refuses(reading, 'interrupted', /^interrupted$/)
    })
  })
})

describe('$CREDENTIALS_DIRECTORY', () => {
  const read = async (profile: string, directory = folder) =>
    values(await readSystemCredentials(profile, undefined, signal, directory))

  it("contains a profile's credentials by its name", async () => {
    put('ovpn3.office')
    for (const profile of ['office', 'office.ovpn', './vpn/office.conf', '/etc/openvpn/office'])
      assert.deepEqual(await read(profile), alice, profile)
    for (const profile of ['office2', 'Office', '', '/', 'office/..', 'x'.repeat(300), 'office\0'])
      assert.equal(await read(profile), undefined, profile)
    assert.equal(await read('office', ''), undefined)
    assert.equal(await read('office', path.join(folder, 'nosuch')), undefined)
  })

  it('contains those for a host by the name of the host, which no local profile has', async () => {
    put('ovpn3@admin@gw1=office')
    assert.deepEqual(values(await readSystemCredentials('office', 'admin@gw1', signal, folder)), alice)
    for (const profile of ['office', 'admin@gw1=office', 'office@admin@gw1'])
      assert.equal(await read(profile), undefined, profile)
    put('ovpn3.office@gw1')
    assert.equal(await readSystemCredentials('office', 'gw1', signal, folder), undefined)
  })

  it('is the only folder that is read, even for profile names with slashes and dots', async () => {
    mkdirSync(path.join(folder, 'ovpn3.'))
    put('secret')
    put('ovpn3...', 0o600, 'bob\n')
    for (const profile of ['../secret', '/../secret', '..//secret'])
      assert.equal(await read(profile), undefined, profile)
    assert.deepEqual(await read('..'), {username: 'bob'})
  })

  it("may contain files with systemd's group permissions, but without permissions for others", async () => {
    put('ovpn3.office', 0o440)
    assert.deepEqual(await read('office'), alice)
    put('ovpn3.home', 0o444)
    await refuses(
      readSystemCredentials('home', undefined, signal, folder),
      'input-missing',
      /other users can read or write it$/,
    )
    put('ovpn3.broken', 0o400, '{"password": hunter2}')
    await refuses(readSystemCredentials('broken', undefined, signal, folder), 'usage', /ovpn3\.broken: not valid JSON$/)
  })
})
