import type { ConfigLayer } from "./provider_config.ts";

/** The options that say something about the configuration, as they are parsed. */
export interface ConfigFlags {
  /** `--channel` */
  readonly channel?: readonly string[];
  /** `--arch` */
  readonly arch?: readonly string[];
  /** `--artifacts` */
  readonly artifacts?: string | undefined;
  /** `--name` */
  readonly name?: string | undefined;
  /** `--bind` */
  readonly bind?: string | undefined;
  /** `--port` */
  readonly port?: number | undefined;
  /** `--interface` */
  readonly interface?: readonly string[];
  /** `--advertise-url` */
  readonly advertiseUrl?: string | undefined;
  /** `--state-dir` */
  readonly stateDir?: string | undefined;
  /** `--no-dht` */
  readonly dht?: boolean | undefined;
  /** `--p2p-port` */
  readonly p2pPort?: number | undefined;
  /** `--bootstrap` */
  readonly bootstrap?: readonly string[];
  /** `--port-mapping` */
  readonly portMapping?: boolean | undefined;
  /** `--no-mdns` */
  readonly mdns?: boolean | undefined;
  /** `--signing-key` */
  readonly signingKey?: string | undefined;
}

/**
 * What the flags of a command say about the configuration: the upper layer of
 * `mergeConfig`.
 */
export function flagsLayer(flags: ConfigFlags): ConfigLayer {
  return {
    channels: givenList(flags.channel),
    architectures: givenList(flags.arch),
    artifactsDir: flags.artifacts,
    name: flags.name,
    bind: flags.bind,
    port: flags.port,
    interfaces: givenList(flags.interface),
    advertiseUrl: flags.advertiseUrl,
    stateDir: flags.stateDir,
    dht: {
      enabled: flags.dht,
      port: flags.p2pPort,
      bootstrapNodes: givenList(flags.bootstrap),
      // Not given says nothing, so that the file can ask for it.
      portMapping: flags.portMapping || undefined,
    },
    mdns: { enabled: flags.mdns },
    signing: { key: flags.signingKey },
  };
}

/** Without duplicates; undefined, so that the file decides, when not given. */
function givenList(
  values: readonly string[] = [],
): readonly string[] | undefined {
  return values.length === 0 ? undefined : [...new Set(values)];
}
