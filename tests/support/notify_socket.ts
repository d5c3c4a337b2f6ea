/** The end of a service manager: hears what services tell (sd_notify(3)). */
export interface NotifySocket extends Disposable {
  /** Waits for so many messages. */
  take(count: number): Promise<string[]>;
  /** What nobody has taken yet. */
  untaken(): readonly string[];
}

/** Listens as systemd does, at a path. */
export function openNotifySocket(path: string): NotifySocket {
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  const messages: string[] = [];
  let wake = () => {};
  void (async () => {
    for await (const [bytes] of socket) {
      messages.push(new TextDecoder().decode(bytes));
      wake();
    }
  })();
  return {
    async take(count) {
      while (messages.length < count) {
        await new Promise<void>((resolve) => wake = resolve);
      }
      return messages.splice(0, count);
    },
    untaken: () => messages,
    [Symbol.dispose]: () => socket.close(),
  };
}
