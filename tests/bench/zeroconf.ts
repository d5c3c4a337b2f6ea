import { join } from "node:path";
import type { LabHost } from "../support/network_lab.ts";
import { reasonOf } from "./part.ts";
import { output } from "./processes.ts";

/** Ends with the first service that it has resolved. */
const SCRIPT = `
import sys, threading
from zeroconf import ServiceBrowser, Zeroconf
TYPE = "_phase-image._tcp.local."
found = threading.Event()
class Listener:
    def add_service(self, zc, kind, name):
        info = zc.get_service_info(kind, name)
        if info and info.parsed_addresses() and b"manifest" in info.properties:
            found.set()
    def update_service(self, *_): pass
    def remove_service(self, *_): pass
zc = Zeroconf()
ServiceBrowser(zc, TYPE, Listener())
isFound = found.wait(20)
import os
os._exit(0 if isFound else 1)
`;

/** A Python that has the package zeroconf. */
export interface ZeroconfPython {
  readonly path: string;
}

/** The system's Python, else one in a directory of its own, from PyPI. */
export async function zeroconfPython(
  directory: string,
): Promise<ZeroconfPython | { readonly why: string }> {
  const imports = ["-c", "import zeroconf"];
  try {
    await output(["python3", ...imports]);
    return { path: "python3" };
  } catch {
    // Perhaps PyPI has it.
  }
  const venv = join(directory, "venv");
  try {
    await output(["python3", "-m", "venv", venv]);
    const path = join(venv, "bin", "python3");
    const install = ["-m", "pip", "install", "-q", "--timeout", "10"] as const;
    await output([path, ...install, "zeroconf"]);
    await output([path, ...imports]);
    return { path };
  } catch (error) {
    return { why: `not to be had from PyPI: ${reasonOf(error)}` };
  }
}

/** Runs until an image's service is resolved. @throws when none is in 20 s */
export async function findByZeroconf(
  { path }: ZeroconfPython,
  host: LabHost,
): Promise<void> {
  await host.exec(path, "-c", SCRIPT);
}
