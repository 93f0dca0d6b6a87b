import {spawn} from 'node:child_process'

/** Opens a URL in the browser of the desktop, where there is one. Only web addresses: the URL comes from a VPN server. */
export function openInBrowser(url: string): void {
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return
  const child = spawn('xdg-open', [url], {detached: true, stdio: 'ignore'})
  // no xdg-open: the URL has been printed
  child.on('error', () => {})
  child.unref()
}
