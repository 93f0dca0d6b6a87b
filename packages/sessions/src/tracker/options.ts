import type {Reading} from '../reading'
import type {PropertyName, Session} from '../session'
import type {SourceFailure} from '../source'

/** What happened to a session; `present`: it was there when the tracker began. */
export type ChangeKind = 'changed' | 'created' | 'present' | 'removed'

/** A session that is tracked, and what is known of it. */
export interface Tracked<D = unknown> extends Reading {
  /** What `details` found out. */
  readonly details?: D
  /** Its source waits for it at the moment. */
  readonly waiting?: boolean
}

export interface TrackerOptions<D> {
  /** Read at the first look at a session; those of them that change with the status are read again when it does. */
  readonly properties: readonly PropertyName[]
  /** Statuses are kept up to date: by signals and, where there are none, by a slow poll. */
  readonly follow: boolean
  /** Sessions to begin with, which have been read; left out: all that there are. */
  readonly sessions?: readonly Session[]
  /** No sessions are taken in besides those to begin with. */
  readonly fixed?: boolean
  /** Finds out what else there is to be known of a session. */
  readonly details?: (reading: Reading) => Promise<D>
  /** Told about each change, with what is known of the session afterwards. */
  readonly changed: (kind: ChangeKind, entry: Tracked<D>) => void
  /** Told about a source that fails while others go on. */
  readonly failed: (failure: SourceFailure) => void
}
