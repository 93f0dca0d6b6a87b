import assert from 'node:assert/strict'
import {execFile} from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {cli} from './support/cli'

const isRoot = process.getuid?.() === 0

describe('the code cache', () => {
  let home: string
  let folder: string

  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'ovpn3-cache-'))
    folder = path.join(home, '.cache', 'ovpn3', 'code')
  })
  afterEach(() => rmSync(home, {force: true, recursive: true}))

  /** What a run prints, which is the same with a cache and without. */
  const run = (words: string, env?: Readonly<Record<string, string>>) =>
    new Promise<string>((resolve, reject) => {
      execFile(
        process.execPath,
        [cli(), ...words.split(' ')],
        {cwd: '/', env: {PATH: process.env.PATH, ...(env ?? {HOME: home})}},
        (error, stdout) => (error ? reject(error) : resolve(stdout)),
      )
    })
  const works = async (env?: Readonly<Record<string, string>>) =>
    assert.match(await run('--version', env), /^ovpn3\/\d/)
  // Node's own is a folder beside
  const caches = () =>
    existsSync(folder) ? readdirSync(folder).filter((name) => statSync(path.join(folder, name)).isFile()) : []

  it('is made by the first run, for its owner alone, and kept by the others', async () => {
    await works()
    const [cache, ...others] = caches()
    assert.deepEqual(others, [])
    const before = statSync(path.join(folder, cache!))
    assert.equal(before.mode & 0o777, 0o600)
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    await works()
    assert.equal(statSync(path.join(folder, cache!)).ino, before.ino)
    assert.deepEqual(caches(), [cache])
  })

  it('of the helper for completion is made anew by the first run that comes as far as the service', async () => {
    const [fixed, live] = ['--complete zsh --p session-manage', '--complete zsh a session-manage --config']
    const inode = () => {
      const [cache, ...others] = caches()
      assert.deepEqual(others, [])
      return statSync(path.join(folder, cache!)).ino
    }

    await run(fixed)
    const first = inode()
    await run(live)
    const second = inode()
    assert.notEqual(second, first)
    await run(fixed)
    await run(live)
    assert.equal(inode(), second)
  })

  it('of another version of the bundle is cleared away', async () => {
    mkdirSync(folder, {mode: 0o700, recursive: true})
    writeFileSync(path.join(folder, '0123456789abcdef-v20.0.0-x64-ovpn3'), 'old')
    await works()
    assert.equal(caches().length, 1)
  })

  it('that is spoilt is not believed, and made anew', async () => {
    await works()
    const file = path.join(folder, caches()[0]!)
    const good = readFileSync(file)
    const spoilt = Buffer.from(good)
    for (let i = 100; i < spoilt.length; i += 1000) spoilt[i]! ^= 0xff
    for (const content of [spoilt, good.subarray(0, 5000), Buffer.alloc(good.length), Buffer.alloc(0)]) {
      writeFileSync(file, content)
      await works()
      assert.notDeepEqual(readFileSync(file), content)
    }
  })

  it('that others could have written is neither run nor written', async () => {
    await works()
    const file = path.join(folder, caches()[0]!)
    const {mtimeMs} = statSync(file)
    chmodSync(folder, 0o777)
    await works()
    await run('--help')
    assert.equal(caches().length, 1)
    chmodSync(folder, 0o700)
    chmodSync(file, 0o666)
    await works()
    assert.notEqual(statSync(file).mtimeMs, mtimeMs, 'made anew')
    assert.equal(statSync(file).mode & 0o777, 0o600)
  })

  it("in somebody else's home is left alone", {skip: !isRoot && 'needs root, to be somebody else'}, async () => {
    mkdirSync(folder, {mode: 0o700, recursive: true})
    chownSync(folder, 65_534, 65_534)
    await works()
    assert.deepEqual(caches(), [])
  })

  it('is done without where there is no place for it, or nobody wants it', async () => {
    await works({})
    await works({HOME: '/proc/nowhere'})
    await works({HOME: home, NODE_DISABLE_COMPILE_CACHE: '1'})
    assert.equal(existsSync(folder), false)
    await works({HOME: '/proc/nowhere', XDG_CACHE_HOME: path.join(home, '.cache')})
    assert.equal(caches().length, 1)
  })

  it('is not made by a run that failed', async () => {
    await assert.rejects(run('no-such-command'))
    assert.deepEqual(caches(), [])
  })
})
