import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {chmodSync, mkdtempSync, readFileSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {createInterface} from 'node:readline'

import {repository} from './repository'

/** A shipped systemd unit. */
export class Unit {
  readonly #settings = new Map<string, string[]>()

  /** @param name below packaging/systemd */
  constructor(name: string) {
    for (const line of readFileSync(path.join(repository, 'packaging', 'systemd', name), 'utf8').split('\n')) {
      const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? []
      if (key !== undefined) this.#settings.set(key, [...(this.#settings.get(key) ?? []), value!])
    }
  }

  get(key: string): string | undefined {
    return this.#settings.get(key)?.at(-1)
  }

  /** The arguments of ovpn3 in one of the unit's command lines, for an instance. */
  args(key: string, instance = ''): string[] {
    const [program, ...args] = this.get(key)!.replaceAll('%i', instance).split(' ')
    if (program !== '/usr/bin/ovpn3') throw new Error(`${key} runs ${program}`)
    return args
  }

  /** Whether systemd restarts the service after an exit with this status. */
  restartsAfter(status: number | null): boolean {
    const among = (key: string) => (this.get(key) ?? '').split(' ').includes(String(status))
    return status !== 0 && !among('SuccessExitStatus') && !among('RestartPreventExitStatus')
  }
}

// Prints each message on one line, with tabs between its lines. perl-base is sufficient.
const receiver = `use IO::Socket::UNIX;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
chmod 0666, $ARGV[0];
$| = 1;
print "listening\\n";
while (defined $socket->recv(my $message, 65536)) { $message =~ s/\\n+$//; $message =~ s/\\n/\\t/g; print "$message\\n" }`

/** The service manager's end of a notify socket. */
export class NotifySocket {
  /** The messages received, without the barriers of systemd-notify. */
  readonly messages: string[] = []

  private constructor(
    private readonly folder: string,
    private readonly process: ChildProcess,
  ) {}

  static async open(): Promise<NotifySocket> {
    const folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-notify-'))
    chmodSync(folder, 0o755)
    const perl = spawn('perl', ['-e', receiver, path.join(folder, 'socket')], {stdio: ['ignore', 'pipe', 'inherit']})
    const socket = new NotifySocket(folder, perl)
    const lines = createInterface({input: perl.stdout!})
    await Promise.race([
      once(lines, 'line'),
      once(perl, 'exit').then(() => {
        throw new Error('perl cannot listen')
      }),
    ])
    lines.on('line', (line) => {
      if (line !== 'BARRIER=1') socket.messages.push(line)
    })
    return socket
  }

  /** The value of `NOTIFY_SOCKET`. */
  get path(): string {
    return path.join(this.folder, 'socket')
  }

  close(): void {
    this.process.kill()
    rmSync(this.folder, {force: true, recursive: true})
  }
}
