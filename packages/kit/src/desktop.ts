import {spawn} from 'node:child_process'

/**
 * Opens a URL in the browser of the desktop, where there is one. The URL comes from a VPN server: only web addresses,
 * as they are understood and not as they were written, and never as root, who under `sudo` has the user's desktop.
 */
export function openInBrowser(url: string): void {
  if (process.geteuid!() === 0) return
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return
  if (!URL.canParse(url)) return
  const {href, protocol} = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') return
  const child = spawn('xdg-open', [href], {detached: true, stdio: 'ignore'})
  // no xdg-open: the URL has been printed
  child.on('error', () => {})
  child.unref()
}
