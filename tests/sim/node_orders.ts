/** Bytes by which a process of nodes is told what to do. */
export const NodeOrder = {
  /** Answered once it has little to do. */
  settle: 0,
  /** Answered with how many other nodes were told of each. */
  publish: 1,
  /** Answered with how many requests each was asked since its start, by kind. */
  count: 2,
} as const;
