import type { ImageCatalog } from "../http/artifacts/image_catalog.ts";
import { grubRedirect } from "../http/boot/grub.ts";
import { autoexecScript } from "../http/boot/ipxe.ts";
import { isAutoexec } from "../http/boot/machine_notes.ts";
import type { Machines } from "../machines/machines.ts";
import type { HttpServer } from "../net/http1/server.ts";
import { httpBaseUrl } from "../net/ip_address.ts";
import type { TftpServerOptions } from "../net/tftp/tftp_server.ts";
import { LoaderStore } from "../pxe/loader_store.ts";
import { type LoaderNames, loaderReport } from "../pxe/loaders.ts";
import type { Machine, ServeConfig } from "./machine.ts";

/** The boot loaders of a provider, as bare machines get them. */
export interface PxeLoaders extends Pick<TftpServerOptions, "read" | "onSent"> {
  /**
   * The names of those that there are, below their directory. Tells the log
   * what is missing for the images that are served, when that changes.
   */
  names(): Promise<ReadonlySet<string>>;
}

/** What is needed to find boot loaders and report on them. */
export interface PxeLoadersParts {
  readonly http: Pick<HttpServer, "port">;
  /** What is served. */
  readonly catalog: ImageCatalog;
  /** Gives those settings that hold at the moment. */
  readonly settings: () => ServeConfig;
  readonly machines: Machines;
}

/** The names that the settings have for loaders. */
export function loaderNames({ pxe }: Pick<ServeConfig, "pxe">): LoaderNames {
  return {
    bios: pxe.biosLoader,
    x86_64: pxe.x86Loader,
    arm64: pxe.arm64Loader,
  };
}

/**
 * Boot loaders by TFTP, from the directory that the settings name, and beside
 * them what leads iPXE and GRUB on from there: `autoexec.ipxe` and `grub.cfg`.
 */
export function openPxeLoaders(
  { fileSystem, logger }: Pick<Machine, "fileSystem" | "logger">,
  { http, catalog, settings, machines }: PxeLoadersParts,
): PxeLoaders {
  const store = new LoaderStore(() => {
    const { pxe, stateDir } = settings();
    return { loaders: pxe.loaders, stateDir };
  }, fileSystem);
  let said = "";
  return {
    async names() {
      const names = await store.names();
      const arches = new Set(catalog.images().map(({ image }) => image.arch));
      const report = loaderReport(arches, names, loaderNames(settings()));
      const { found, missing } = report;
      if (said === JSON.stringify(report)) return names;
      said = JSON.stringify(report);
      if (found !== undefined) logger.info(found);
      for (const line of missing) logger.warn(line);
      return names;
    },
    read({ name, local }) {
      // GRUB 2.06 knows no other port, nor this one when it is written.
      const server = http.port === 80 ? local : `${local}:${http.port}`;
      const { advertiseUrl } = settings();
      const script = isAutoexec(name)
        ? autoexecScript(advertiseUrl ?? httpBaseUrl(local, http.port))
        : isGrubConfig(name)
        ? grubRedirect(server)
        : undefined;
      return script === undefined
        ? store.read(loaderName(name))
        : Promise.resolve(new TextEncoder().encode(script));
    },
    onSent({ name, client }) {
      if (isAutoexec(name) || isGrubConfig(name)) return;
      const file = loaderName(name);
      const what = `loader ${file} sent by TFTP`;
      machines.steps.note({ client, step: "loader", what, file });
    },
  };
}

/** Where GRUB looks depends on how it was made. */
function isGrubConfig(name: string): boolean {
  return /(^|\/)grub\.cfg$/.test(name);
}

/** Some ROMs append a byte of ones to a file name that came by DHCP. */
function loaderName(name: string): string {
  return name.replace(/\xff+$/, "");
}
