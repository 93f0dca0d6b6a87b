import {main} from '../src/ovpn3'
import {withUserPlugins} from '../src/user-plugins'
import {corePlugins} from './core-plugins'

export * from '../src/ovpn3'

/** Runs the command line of this process. @param root the folder of the CLI's package */
export const start = (root: string): Promise<void> =>
  main(async () => {
    const plugins = await withUserPlugins(await corePlugins(root))
    return {pjson: plugins.get('ovpn3')!.pjson, plugins, root}
  })
