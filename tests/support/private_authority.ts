import { join } from "node:path";
import { openssl } from "./openssl.ts";

/** Makes an authority, and what it certified for 127.0.0.1. */
export async function certify(
  directory: string,
): Promise<
  { readonly ca: string; readonly cert: string; readonly key: string }
> {
  const at = (name: string) => join(directory, name);
  const newKey = (name: string) => [
    ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    ...["-nodes", "-keyout", at(name)],
  ];
  await openssl(
    ...["req", "-x509", ...newKey("ca.key"), "-days", "2"],
    ...["-subj", "/CN=Lab", "-out", at("ca.pem")],
  );
  await openssl(
    ...["req", "-x509", ...newKey("tls.key"), "-days", "2"],
    ...["-subj", "/CN=boot", "-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-out", at("tls.pem")],
  );
  return {
    ca: at("ca.pem"),
    cert: await Deno.readTextFile(at("tls.pem")),
    key: await Deno.readTextFile(at("tls.key")),
  };
}
