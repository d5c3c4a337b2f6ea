import {
  busyProvider,
  httpFixture,
  mirroringProvider,
  request,
} from "./http_fixture.ts";
import { testSigningKey } from "./signing_keys.ts";
import { sealTrustRoot, trustRoot } from "./trust_roots.ts";

/** `/metrics` of a provider that has a value for each of them. */
export async function allMetrics(): Promise<string> {
  const fixture = await httpFixture();
  const { mirror = [] } = mirroringProvider();
  fixture.status = { ...busyProvider(), mirror };
  const key = await testSigningKey(1);
  const root = trustRoot([key], { expires_at: "2027-01-01T00:00:00Z" });
  fixture.trustDocuments.set(1, await sealTrustRoot(root, [key]));
  await (await request(fixture, "/nothing")).bytes();
  return await (await request(fixture, "/metrics")).text();
}
