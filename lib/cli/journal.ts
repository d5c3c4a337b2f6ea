import type { LogLevel } from "../core/log.ts";

/** As syslog(3) numbers them. */
const PRIORITIES = {
  debug: 7,
  info: 6,
  warn: 4,
  error: 3,
} as const satisfies Record<LogLevel, number>;

/**
 * Whether standard error is the journal of systemd: JOURNAL_STREAM is its
 * device and inode (systemd.exec(5)), and handed on to programs whose standard
 * error is something else.
 *
 * @param stream what is in JOURNAL_STREAM
 * @param stat looks at standard error
 */
export function isJournal(
  stream: string | undefined,
  stat: () => { readonly dev: number; readonly ino: number },
): boolean {
  if (stream === undefined) return false;
  const { dev, ino } = stat();
  return stream === `${dev}:${ino}`;
}

/** A line that the journal keeps without what is in front: sd-daemon(3). */
export function journalLine(level: LogLevel, line: string): string {
  return `<${PRIORITIES[level]}>${line}`;
}
