import { DEFAULT_CONFIG } from "../../lib/config/provider_config.ts";
import type { Machine, ServeConfig } from "../../lib/provider/machine.ts";
import { FakeClock } from "./fake_clock.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { MemoryLogger } from "./memory_logger.ts";

/** What tests look at and change. */
export interface MemoryMachine extends Machine {
  readonly fileSystem: MemoryFileSystem;
  readonly clock: FakeClock;
  readonly logger: MemoryLogger;
}

/** A machine in memory, `box`, with `stable/arm64` on its disk in `/srv`. */
export function memoryMachine(): MemoryMachine {
  return {
    fileSystem: new MemoryFileSystem().file("/srv/stable/arm64/vmlinuz", "k"),
    clock: new FakeClock(),
    logger: new MemoryLogger(),
    hostName: "box",
    passphraseFrom: (file) => () => Promise.resolve(`of ${file}`),
  };
}

/** Serves `/srv` on a free port of loopback, and tells nobody. */
export const MEMORY_CONFIG: ServeConfig = {
  ...DEFAULT_CONFIG,
  stateDir: "/state",
  artifactsDir: "/srv",
  bind: "127.0.0.1",
  port: 0,
  mdns: { ...DEFAULT_CONFIG.mdns, enabled: false },
  dht: { ...DEFAULT_CONFIG.dht, enabled: false },
};
