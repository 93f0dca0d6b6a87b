import {Message, type MessageBus} from 'dbus-next'

import type {Session} from './session'

import {disconnect, own, send} from './connection'
import {uniqueId} from './ids'
import {BACKENDS, LOG, rootPath} from './names'

/**
 * The log service: sends each session's StatusChange and Log signals only to the subscribers that called LogForward.
 * Every LogForward(true) adds a copy of each signal. LogForward(false) removes only the entry in `log_forwards`: the
 * copies end with the subscriber's connection or with the session.
 */
export class LogService {
  private bus?: MessageBus

  constructor(private readonly address: string) {}

  async start(): Promise<void> {
    this.bus ??= await own(this.address, LOG)
  }

  async stop(): Promise<void> {
    const {bus} = this
    this.bus = undefined
    if (bus) await disconnect(bus)
  }

  subscribe(session: Session, subscriber: string): void {
    session.forwards.proxies.set(subscriber, `${rootPath(LOG)}/proxy/${uniqueId('l')}`)
    session.forwards.copies.push(subscriber)
  }

  unsubscribe(session: Session, subscriber: string): void {
    session.forwards.proxies.delete(subscriber)
  }

  /** Removes all subscribers: the service has ended. */
  forget(session: Session): void {
    session.forwards.copies.length = 0
    session.forwards.proxies.clear()
  }

  /** Removes the copies of a subscriber whose connection is closed; its entry in `log_forwards` stays. */
  gone(session: Session, subscriber: string): void {
    const {copies} = session.forwards
    for (let index = copies.length - 1; index >= 0; index--) if (copies[index] === subscriber) copies.splice(index, 1)
  }

  send(session: Session, member: 'Log' | 'StatusChange', body: [number, number, string]): void {
    for (const destination of session.forwards.copies) {
      const signal = Message.newSignal(session.path, BACKENDS, member, 'uus', body)
      signal.destination = destination
      if (this.bus) send(this.bus, signal)
    }
  }
}
