import {spawn} from 'node:child_process'

/**
 * Tells the service manager that started this process how it is, where there is one that wants to know. Node has no
 * datagram sockets of the Unix kind, systemd-notify(1) has; so the unit needs `NotifyAccess=all`.
 */
export async function notify(...assignments: readonly string[]): Promise<void> {
  if (!process.env.NOTIFY_SOCKET) return
  await new Promise<void>((resolve) => {
    const child = spawn('systemd-notify', [...assignments], {stdio: 'ignore'})
    // without it the unit times out, and its log says so
    child.on('error', () => resolve())
    child.on('exit', () => resolve())
  })
}
