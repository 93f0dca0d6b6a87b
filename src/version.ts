import type {Interfaces} from '@oclif/core'

import {asksForJson} from '@ovpn3/kit/flags'

import {serviceVersions, versionText} from './lib/openvpn3'

/** The JSON options of every command. */
const jsonFlags = {format: {type: 'option'}, json: {char: 'j', type: 'boolean'}} as const

/**
 * The versions of the CLI, Node.js and the platform, and with `--verbose` of the services, as text or JSON.
 * Never rejects: the error of a service takes the place of its version.
 */
export async function versionReport(
  argv: readonly string[],
  {name, version}: Pick<Interfaces.PJSON, 'name' | 'version'>,
): Promise<string> {
  const {arch, platform} = process
  const services = argv.includes('--verbose') ? await serviceVersions() : undefined
  if (asksForJson(argv, jsonFlags))
    return `${JSON.stringify({name, version, platform, arch, node: process.versions.node, ...(services && {services})})}\n`
  const lines = [
    `${name}/${version} ${platform}-${arch} node-${process.version}`,
    ...(services ?? []).map((service) => versionText(service)),
  ]
  return `${lines.join('\n')}\n`
}
