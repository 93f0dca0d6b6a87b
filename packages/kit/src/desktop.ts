import {spawn} from 'node:child_process'

/**
 * Opens a URL in the browser, if there is a desktop. The URL comes from a VPN server, so only web addresses are opened,
 * in their parsed form, and never as root, who has access to the user's desktop under `sudo`.
 */
export function openInBrowser(url: string): void {
  if (process.geteuid!() === 0) return
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return
  if (!URL.canParse(url)) return
  const {href, protocol} = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') return
  const child = spawn('xdg-open', [href], {detached: true, stdio: 'ignore'})
  // without xdg-open, the user has the printed URL
  child.on('error', () => {})
  child.unref()
}
