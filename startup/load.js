'use strict'

/*
 * Loads a program with V8's code cache: what a command ran before is not compiled again. Node's own compile cache, from
 * Node 22 on, holds only what was compiled when a file was loaded.
 */
const fs = require('node:fs')
const {createRequire} = require('node:module')
const path = require('node:path')
const vm = require('node:vm')
// from Node 20.15 on
const {crc32} = require('node:zlib')

/** Returns the exports of a file in dist/. The cache is a convenience: what fails about it changes nothing but the time. */
module.exports.load = (file) => {
  const folder = cacheFolder()
  if (!folder || !crc32) return require(file)

  const source = fs.readFileSync(file)
  // V8 itself compares no more than the length of the source
  const seed = crc32(`${process.version}${process.arch}`, crc32(source))
  const cache = path.join(folder, cacheName(process.argv.slice(2)))
  const cachedData = read(cache, seed)
  const script = new vm.Script(
    `(function (exports, require, module, __filename, __dirname) {${source.latin1Slice()}\n})`,
    {cachedData, filename: file},
  )
  const module = {exports: {}, filename: file, id: file, loaded: true}
  // oclif requires what package.json names
  require.cache[file] = module
  script.runInThisContext()(module.exports, createRequire(file), module, file, path.dirname(file))
  if (!cachedData || script.cachedDataRejected)
    process.once('exit', (status) => {
      // what failed, or did not ask the service, has seen little of the code
      if (status === 0 && module.exports.asked?.() !== false) write(cache, script.createCachedData(), seed)
    })
  return module.exports
}

/** In place of import() in the programs: a script with a code cache has none. */
module.exports.importModule = (url) => import(url)

/** A cache for each command, and one for the help of all. */
function cacheName(line) {
  if (line.includes('--help') || line.includes('-h')) return 'help'
  return /^(?:--)?([a-z][\w-]*)$/.exec(line[0])?.[1] ?? 'ovpn3'
}

/** The caller's own folder: what another user can write to, or put in its place, must not be run. */
function cacheFolder() {
  const {HOME, NODE_DISABLE_COMPILE_CACHE, XDG_CACHE_HOME} = process.env
  const caches = XDG_CACHE_HOME || (HOME && path.join(HOME, '.cache'))
  if (!caches || NODE_DISABLE_COMPILE_CACHE) return
  try {
    // step by step: a home that does not exist is not made
    const exists = fs.existsSync(caches)
    // all caches may be linked to elsewhere, this one may not
    let folder = fs.realpathSync.native(exists ? caches : path.dirname(caches))
    if (!isOutOfReach(folder)) return
    for (const name of [...(exists ? [] : [path.basename(caches)]), 'ovpn3', 'code']) {
      folder = path.join(folder, name)
      if (!fs.lstatSync(folder, {throwIfNoEntry: false})) fs.mkdirSync(folder, {mode: 0o700})
      const stat = fs.lstatSync(folder)
      if (!stat.isDirectory() || !isOwn(stat)) return
    }

    return folder
  } catch {}
}

/** Whether only root and the caller can put something else in the place of a folder, or of one that it is in. */
function isOutOfReach(folder) {
  const {mode, uid} = fs.lstatSync(folder)
  // in one like /tmp nobody can rename what is another's
  if ((uid !== 0 && uid !== process.geteuid()) || ((mode & 0o022) !== 0 && (mode & 0o1000) === 0)) return false
  const parent = path.dirname(folder)
  return parent === folder || isOutOfReach(parent)
}

const isOwn = ({mode, uid}) => uid === process.geteuid() && (mode & 0o022) === 0

/** A cache is V8's code and a checksum: V8 would crash on code that a full or failing disk has spoilt. */
function read(file, seed) {
  let descriptor
  try {
    descriptor = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW)
    if (!isOwn(fs.fstatSync(descriptor))) return
    const content = fs.readFileSync(descriptor)
    const code = content.subarray(0, -4)
    if (content.readUInt32LE(code.length) === crc32(code, seed)) return code
  } catch {
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor)
  }
}

function write(file, code, seed) {
  try {
    const unfinished = `${file}.${process.pid}`
    const sum = Buffer.alloc(4)
    sum.writeUInt32LE(crc32(code, seed))
    fs.writeFileSync(unfinished, Buffer.concat([code, sum]), {flag: 'wx', mode: 0o600})
    fs.renameSync(unfinished, file)
  } catch {
    // the next command tries again
  }
}
