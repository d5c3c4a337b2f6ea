/** What libp2p has, though its interfaces do not name it. */
export function propertyOf(owner: unknown, name: string): unknown {
  return typeof owner === "object" && owner !== null
    ? Reflect.get(owner, name)
    : undefined;
}
