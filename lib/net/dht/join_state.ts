/** The state of one bootstrap address. */
export type JoinState =
  | { readonly kind: "dialling" }
  | { readonly kind: "connected" }
  | { readonly kind: "failed"; readonly reason: string };

/** The bootstrap addresses of a node, each with its state. */
export type JoinStates = ReadonlyMap<string, JoinState>;

/** Told of each change of an address, among them that it is dialled. */
export type OnJoinState = (address: string, state: JoinState) => void;
