/** A property of what may be no object; undefined when it has none. */
export function propertyOf(owner: unknown, name: string): unknown {
  return typeof owner === "object" && owner !== null
    ? Reflect.get(owner, name)
    : undefined;
}
