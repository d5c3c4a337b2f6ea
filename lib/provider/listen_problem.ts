/**
 * Why a socket cannot listen, and what to choose instead.
 *
 * @param code what the system says, such as `EADDRINUSE`
 * @param portOption the option that chooses the port
 * @returns undefined where the system says something else
 */
export function listenProblem(
  code: string | undefined,
  portOption: "--port" | "--p2p-port",
): string | undefined {
  switch (code) {
    case "EADDRINUSE":
      return `another program uses it; stop that program or choose another port with ${portOption}`;
    case "EADDRNOTAVAIL":
      return "this machine does not have that address; choose another with --bind";
    case "EACCES":
      return `not allowed; choose a port above 1023 with ${portOption}`;
    default:
      return undefined;
  }
}
