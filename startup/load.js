'use strict'

/*
 * Loads the bundle with V8's code cache, so that what a command has run before is not compiled again: a quarter of the
 * time that a start takes. Node's own compile cache, from Node 22 on, holds what was compiled when a file was loaded,
 * ours what was compiled when the command ended, which is twice as much; Node's serves the files beside the bundle.
 */
const fs = require('node:fs')
const Module = require('node:module')
const path = require('node:path')
const vm = require('node:vm')
// from Node 20.15 on
const {crc32} = require('node:zlib')

/** What the bundle exports. The cache is a convenience: what fails about it changes nothing but the time. */
module.exports.load = (file) => {
  const folder = cacheFolder()
  if (!folder || !crc32) return require(file)
  Module.enableCompileCache?.(folder)

  const source = fs.readFileSync(file, 'latin1')
  // written by startup/bundle.mjs: what tells this bundle from others, and the commands that are worth a cache
  const [, identity, ...commands] = source.slice(0, source.indexOf('\n')).split(' ')
  const wanted = process.argv.some((argument) => argument === '--help' || argument === '-h') ? 'help' : process.argv[2]
  const command = commands.includes(wanted) ? wanted : 'ovpn3'
  const cache = path.join(folder, `${identity}-${process.version}-${process.arch}-${command}`)
  const cached = read(cache)
  const script = new vm.Script(Module.wrap(source), {cachedData: cached?.code, filename: file})
  const cachedReach = cached && !script.cachedDataRejected ? cached.reach : -1

  const bundle = new Module(file)
  process.once('exit', (status) => {
    const reach = bundle.exports.reach?.() ?? 0
    // what failed has seen little of the code
    if (status === 0 && reach > cachedReach) write(cache, {code: script.createCachedData(), reach}, identity)
  })
  bundle.filename = file
  bundle.paths = Module._nodeModulePaths(path.dirname(file))
  // for oclif, which requires it by its name
  Module._cache[file] = bundle
  script
    .runInThisContext()
    .call(bundle.exports, bundle.exports, Module.createRequire(file), bundle, file, path.dirname(file))
  bundle.loaded = true
  return bundle.exports
}

/** The caller's own folder: what somebody else can write to, or put in its place, must not be run. */
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

/** A cache is V8's code, a byte for how far into the bundle the run came that wrote it, and a checksum of both. */
function read(file) {
  let descriptor
  try {
    descriptor = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW)
    if (!isOwn(fs.fstatSync(descriptor))) return
    const content = fs.readFileSync(descriptor)
    const data = content.subarray(0, -4)
    // V8 believes what it is given, and would crash on a cache that a full or failing disk has spoilt
    if (content.length > 5 && content.readUInt32LE(data.length) === crc32(data))
      return {code: data.subarray(0, -1), reach: data.at(-1)}
  } catch {
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor)
  }
}

function write(file, {code, reach}, identity) {
  try {
    const folder = path.dirname(file)
    const unfinished = `${file}.${process.pid}`
    const data = Buffer.concat([code, Buffer.of(reach)])
    const sum = Buffer.alloc(4)
    sum.writeUInt32LE(crc32(data))
    fs.writeFileSync(unfinished, Buffer.concat([data, sum]), {flag: 'wx', mode: 0o600})
    fs.renameSync(unfinished, file)
    // those of other versions of the bundle
    for (const name of fs.readdirSync(folder))
      if (/^[\da-f]{16}-/.test(name) && !name.startsWith(identity)) fs.unlinkSync(path.join(folder, name))
  } catch {
    // the next command tries again
  }
}
