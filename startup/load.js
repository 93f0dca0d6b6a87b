'use strict'

/*
 * Loads a program with V8's code cache, so that code that a command has run before is not compiled again. The compile
 * cache of Node.js (22 and later) only contains code that was compiled while a file was loaded.
 */
const fs = require('node:fs')
const {createRequire} = require('node:module')
const path = require('node:path')
const vm = require('node:vm')
// Available since Node.js 20.15.
const {crc32} = require('node:zlib')

/** Returns the exports of a file in dist/. If the cache fails, loading only takes longer. */
module.exports.load = (file) => {
  const folder = cacheFolder()
  if (!folder || !crc32) return require(file)

  const source = fs.readFileSync(file)
  // V8 only compares the length of the source.
  const seed = crc32(`${process.version}${process.arch}`, crc32(source))
  const cache = path.join(folder, cacheName(process.argv.slice(2)))
  const cachedData = read(cache, seed)
  const script = new vm.Script(
    `(function (exports, require, module, __filename, __dirname) {${source.latin1Slice()}\n})`,
    {cachedData, filename: file},
  )
  const module = {exports: {}, filename: file, id: file, loaded: true}
  // oclif requires this file by the path in package.json.
  require.cache[file] = module
  script.runInThisContext()(module.exports, createRequire(file), module, file, path.dirname(file))
  if (!cachedData || script.cachedDataRejected)
    process.once('exit', (status) => {
      // A command that failed or did not call the service has run little of the code.
      if (status === 0 && module.exports.asked?.() !== false) write(cache, script.createCachedData(), seed)
    })
  return module.exports
}

/** Replaces import() in the programs, because a script with a code cache does not support it. */
module.exports.importModule = (url) => import(url)

/** The name of the cache: one for each command, and one for the help of all commands. */
function cacheName(line) {
  if (line.includes('--help') || line.includes('-h')) return 'help'
  return /^(?:--)?([a-z][\w-]*)$/.exec(line[0])?.[1] ?? 'ovpn3'
}

/** The caller's cache folder; undefined if another user could write to it or replace it, because its code is run. */
function cacheFolder() {
  const {HOME, NODE_DISABLE_COMPILE_CACHE, XDG_CACHE_HOME} = process.env
  const caches = XDG_CACHE_HOME || (HOME && path.join(HOME, '.cache'))
  if (!caches || NODE_DISABLE_COMPILE_CACHE) return
  try {
    // Create one folder at a time, so that a missing home is not created.
    const exists = fs.existsSync(caches)
    // The parent folder may be a symbolic link, but this folder may not.
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

/** Whether only root and the caller can replace a folder or one of its parents. */
function isOutOfReach(folder) {
  const {mode, uid} = fs.lstatSync(folder)
  // In a sticky folder like /tmp, users can only rename their own files.
  if ((uid !== 0 && uid !== process.geteuid()) || ((mode & 0o022) !== 0 && (mode & 0o1000) === 0)) return false
  const parent = path.dirname(folder)
  return parent === folder || isOutOfReach(parent)
}

const isOwn = ({mode, uid}) => uid === process.geteuid() && (mode & 0o022) === 0

/**
 * A cache consists of V8's code and a checksum, because V8 would crash on code that a full or failing disk has
 * corrupted.
 */
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
    // The next command tries again.
  }
}
